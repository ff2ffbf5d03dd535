"""Opens images in a child process, since decoding one can take any time and memory.

    examine DOCUMENT MOST_PAGES [MEDIA_TYPE]
    draw DOCUMENT MEDIA_TYPE PAGES FOLDER SIDE QUALITY [PAGE]

``examine`` answers with the media type, null for what is no image, and the number of pages, counted
no further than MOST_PAGES + 1; ``draw`` writes the pages into FOLDER and answers with null. Run by
``extraction.documents.sandbox.run_child``.
"""

from pathlib import Path

from extraction.documents.images import count_frames, examine, open_image, pages_of


def answer(arguments: list[str]) -> tuple[str | None, int] | None:
    """Do what the command says. Raises DocumentRejected."""
    command, document, *rest = arguments
    match command:
        case "examine":
            most, *known = rest
            return examine(Path(document), int(most), *known)
        case "draw":
            media_type, pages, folder, side, quality, *page = rest
            what = (Path(document), media_type, int(pages))
            how = (Path(folder), int(side), int(quality))
            if page:
                draw_one(*what, int(page[0]), *how)
            else:
                draw(*what, *how)
            return None
    raise ValueError(f"unknown command: {command}")


def draw(
    document: Path, media_type: str, page_count: int, folder: Path, side: int, quality: int
) -> None:
    """Save every page as a JPEG of at most ``side`` px.

    The pages of a single picture are its parts, one or more.
    """
    with open_image(document, media_type) as image:
        frames = count_frames(image, page_count)
        if page_count == 1:
            image.draft(None, (side, side))
        number = 0
        for index in range(min(frames, page_count)):
            if frames > 1:  # the picture that is open is not always the first
                image.seek(index)
            for page in pages_of(image, side, page_count if frames == 1 else 1):
                number += 1
                page.save(folder / f"{number:03}.jpg", quality=quality)


def draw_one(
    document: Path,
    media_type: str,
    page_count: int,
    number: int,
    folder: Path,
    side: int,
    quality: int,
) -> None:
    """Save one page as a JPEG of at most ``side`` px; nothing for a part of a long page.

    Where a long page is cut depends on ``side``: the parts would differ from those known.
    """
    with open_image(document, media_type) as image:
        if count_frames(image, page_count) == 1 < page_count:
            return
        image.seek(number - 1)
        for page in pages_of(image, side):
            page.save(folder / f"{number:03}.jpg", quality=quality)
