The bridge opened on Monday. It cost two million. People walked over it. A band played.

@highlight

The bridge opened on Monday.

@highlight

A band played.
