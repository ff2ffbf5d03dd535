"""A document as readers get it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PageImage:
    """One page as an upright JPEG of at most 1920 px a side; ``number`` counts from 1."""

    number: int
    path: Path
    blank: bool


@dataclass(frozen=True, slots=True)
class Document:
    """An accepted document with its page images, in order."""

    path: Path
    media_type: str
    pages: tuple[PageImage, ...]

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing on any page."""
        return all(page.blank for page in self.pages)
