"""Where settings come from: the environment, `.env`, files named by `<name>_FILE`, and YAML."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sayna.config.fields import SettingInfo
from sayna.config.misspelt import misspelt_names
from sayna.config.yamlfile import read_yaml


@dataclass(frozen=True, slots=True)
class Sources:
    """The texts of all settings before they are parsed; `problems` grows while they are read.

    `warnings` has a sentence for each name that is close to a setting's.
    """

    variables: Mapping[str, str]
    yaml: dict[str, str]
    folder: Path
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def text(self, info: SettingInfo) -> str:
        """Return a setting's trimmed text, empty when it is set nowhere."""
        text = self.variables.get(info.name, "").strip()
        if info.secret:
            text = self._from_file(info.name, text)
        return text or (self.yaml.get(info.yaml, "").strip() if info.yaml else "")

    def origin(self, info: SettingInfo, environ: Mapping[str, str]) -> str:
        """Return where a setting comes from: a variable, .env, a file, YAML, or nothing for its default."""
        for name in (info.name, f"{info.name}_FILE") if info.secret else (info.name,):
            if self.variables.get(name, "").strip():
                file = f" {self.variables[name].strip()}" if name != info.name else ""
                return (name if environ.get(name, "").strip() else f"{name} in .env") + file
        return f"{info.yaml} in SAYNA_CONFIG" if info.yaml and self.yaml.get(info.yaml, "").strip() else ""

    def _from_file(self, name: str, text: str) -> str:
        place = self.variables.get(f"{name}_FILE", "").strip()
        if not place:
            return text
        if text:
            self.problems.append(f"{name} and {name}_FILE are both set; set only one of them.")
            return text
        try:
            # A file ends in a line break that is no part of the key.
            return (self.folder / place).read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            self.problems.append(f"{name}_FILE cannot be read ({type(error).__name__}); set it to a readable file.")
            return ""


def find(environ: Mapping[str, str], folder: Path, known: list[SettingInfo], *, dotenv: bool) -> Sources:
    """Return the sources of one start; the environment beats `.env`, and both beat YAML."""
    problems: list[str] = []
    warnings: list[str] = []
    variables = dict(_dotenv(folder / ".env", problems)) if dotenv else {}
    # A blank variable, as compose files leave it, does not hide what .env says.
    variables |= {name: value for name, value in environ.items() if value.strip()}
    place = variables.get("SAYNA_CONFIG", "").strip()
    places = {info.yaml for info in known if info.yaml}
    yaml = read_yaml(folder / place, places, problems, warnings) if place else {}
    return Sources(variables, yaml, folder, problems, [*misspelt_names(variables, known), *warnings])


def _dotenv(path: Path, problems: list[str]) -> Iterator[tuple[str, str]]:
    if not path.exists():
        return
    from dotenv import dotenv_values  # noqa: PLC0415 - only a process with a .env pays for it

    try:
        # No interpolation: a $ in a password means a $.
        found = dotenv_values(path, interpolate=False, encoding="utf-8")
    except (OSError, ValueError) as error:
        problems.append(f"The file .env cannot be read ({type(error).__name__}); repair or remove it.")
        return
    yield from ((name, value) for name, value in found.items() if value)
