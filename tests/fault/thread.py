"""One failure of another shop: where it is told, what went wrong there, and which tests prove that we do better."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thread:
    """One kind of failure.

    Attributes:
        told: issues and pull requests as `owner/repository#number`, or a repository whose source shows it.
        symptom: what went wrong there.
        tests: what proves the contrary here, by file and name. The stages' cases that stand for it name it themselves.
        remark: what has to be known to judge the proof.
    """

    told: tuple[str, ...]
    symptom: str
    tests: tuple[str, ...]
    remark: str = ""

    @property
    def links(self) -> list[tuple[str, str]]:
        """Label and address of each; GitHub leads on from an issue's address to a pull request's."""
        return [(one, f"https://github.com/{one.replace('#', '/issues/')}") for one in self.told]


def thread(told: str, symptom: str, *tests: str, remark: str = "") -> Thread:
    return Thread(tuple(told.split()), symptom, tests, remark)
