-- The rules of `links` that SQL can express, for benchmarks/links.py; URLs are not normalised.
SELECT id, coalesce(url_overridden_by_dest, url) AS target, subreddit, title, score, created_utc, over_18
FROM read_json($path, format='newline_delimited', ignore_errors=true, maximum_object_size=67108864, columns={
    id: 'VARCHAR', url: 'VARCHAR', url_overridden_by_dest: 'VARCHAR', subreddit: 'VARCHAR', title: 'VARCHAR', selftext: 'VARCHAR',
    removed_by_category: 'VARCHAR', score: 'BIGINT', created_utc: 'DOUBLE', over_18: 'BOOLEAN', is_self: 'BOOLEAN', promoted: 'BOOLEAN'})
WHERE NOT coalesce(is_self, false) AND NOT coalesce(promoted, false) AND removed_by_category IS NULL
  AND coalesce(selftext, '') NOT IN ('[deleted]', '[removed]') AND created_utc < 4102444800
  AND NOT regexp_matches(target, '^https?://([a-z0-9-]+\.)*(reddit\.com|redd\.it|wikipedia\.org|imgur\.com)(/|$)')
  AND NOT regexp_matches(lower(target), '\.(jpe?g|png|gif|gifv|webp|mp4|webm|mp3|pdf|zip)([?#]|$)')
