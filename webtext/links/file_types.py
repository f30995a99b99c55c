"""Files that hold no text, known by the ending of their path."""

from __future__ import annotations

# Endings of paths whose files hold no text, or none that a page's extractor reads.
NOT_TEXT = frozenset(
    "jpg jpeg jpe png gif gifv bmp webp tif tiff svg ico psd apng avif heic "  # pictures
    "mp3 m4a ogg oga opus wav flac aac wma mid midi "  # sound
    "mp4 m4v webm avi mov mkv flv wmv mpg mpeg 3gp ogv swf "  # films
    "zip rar 7z tar gz tgz bz2 xz zst iso dmg exe msi apk deb rpm jar bin torrent "  # archives and programs
    "pdf ps eps djvu doc docx xls xlsx ppt pptx odt ods odp rtf epub mobi "  # documents that are not pages of the web
    "ttf otf woff woff2 css".split()
)


def file_type(url: str) -> str:
    """The ending of the last segment of a canonical URL's path, in lower case, or "".

    >>> file_type("http://example.org/a.JPG?b=c.d"), file_type("http://wiki.example/File:A.jpg")
    ('jpg', '')
    """
    path = url.partition("#")[0].partition("?")[0]
    segment = path[path.rindex("/") :]
    # NB: the page of a wiki about a picture ends as the picture does: File:A.jpg.
    return "" if ":" in segment or "%3A" in segment else segment.rpartition(".")[2].lower() if "." in segment else ""
