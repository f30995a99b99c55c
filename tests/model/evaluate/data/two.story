Rain fell all day.

The river rose. Nobody was hurt.

@highlight

The river rose
