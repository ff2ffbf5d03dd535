"""The shapes of what the API answers about batches, as its schema describes them."""

from uuid import UUID

from pydantic import BaseModel, Field

from extraction.api.answers import ADDRESS, ExtractionLine


class _Answer(BaseModel):
    model_config = ExtractionLine.model_config


class BatchFile(_Answer):
    """What became of one file of a batch: an extraction, or a refusal."""

    name: str
    """As it was sent, with its folders in the ZIP."""
    extraction: str | None = Field(description=f"{ADDRESS} Null for a refused file.")
    came_before: bool
    """Its document had come already: that extraction answers, and counts in this batch, too."""
    code: str | None
    """Why it was refused: stable, for programs."""
    detail: str | None
    """What happened and what to do."""
    http_status: int | None
    """What the refused document would have been answered by itself; 429 and 503: send it again."""


class SentBatch(_Answer):
    """What became of each file that was sent."""

    batch: UUID
    address: str | None = Field(
        description=f"{ADDRESS} Null where every file was refused: there is nothing to wait for."
    )
    accepted: int
    """Files that have an extraction."""
    refused: int
    """Told in this answer alone."""
    files: list[BatchFile]
    """In the order in which they were sent."""


class BatchCounts(_Answer):
    """The extractions of a batch by their state."""

    queued: int
    processing: int
    waiting: int
    """For a retry."""
    succeeded: int
    failed: int
    cancelled: int


class Batch(_Answer):
    """How far the extractions of a batch are that the caller may see, earlier ones among them."""

    batch: UUID
    documents: int
    counts: BatchCounts
    needs_review: int
    """Of those that succeeded."""
    ended: bool
    """Whether all have."""
    extractions: list[ExtractionLine]
    """The first 100, in the order in which they came; the counts are of all."""
