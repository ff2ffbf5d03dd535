"""What a prompt costs, as counted by its provider."""

from django.db import models


class PromptCost(models.Model):
    """LLM tokens of a prompt with its schema, as a model's countTokens says."""

    model = models.CharField(max_length=100)
    prompt_version = models.CharField(max_length=64, help_text="Digest of prompt and schema.")
    tokens = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model", "prompt_version"], name="unique_prompt_cost")
        ]

    def __str__(self) -> str:
        return f"{self.model}: {self.tokens} tokens"
