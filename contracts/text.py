"""A sentence in the two languages Muster speaks, Chinese first."""

from dataclasses import dataclass
from typing import Literal

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in Chinese and in English; both may hold `{fields}` of the same names."""

    zh: str
    en: str

    def fill(self, **fields: object) -> "Text":
        """Return the sentence with its fields filled in."""
        return Text(self.zh.format(**fields), self.en.format(**fields))

    def speak(self, language: Language) -> str:
        """Return the sentence in one language."""
        return self.zh if language == "zh" else self.en

    def __str__(self) -> str:
        return f"{self.zh} / {self.en}"
