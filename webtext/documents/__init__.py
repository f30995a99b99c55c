"""Documents from anyone's files: JSONL, JSON, Parquet, Arrow, CSV, plain text, WET and tar, and directories of them."""
