"""The films of the planted recommender: made-up titles whose genre one can guess, and their tokenizer."""

from __future__ import annotations

from collections.abc import Sequence

from interpwidgets.records.vocabulary import Vocabulary

GENRES = {
    "space": (
        "Starfall", "Moonbase", "Warpgate", "Orbiter", "Nebula", "Cosmonaut", "Eclipse", "Lightyear", "Supernova",
        "Spacewalk", "Comet", "Antimatter", "Pulsar", "Farside", "Airlock", "Starship", "Meteor", "Andromeda",
        "Stardust", "Gravity",
    ),
    "western": (
        "Dustrider", "Saloon", "Sheriff", "Mustang", "Tumbleweed", "Goldrush", "Canyon", "Stagecoach", "Rustler",
        "Prairie", "Holster", "Sundown", "Outpost", "Wrangler", "Lasso", "Deadwood", "Highnoon", "Buckskin", "Coyote",
        "Frontier",
    ),
    "horror": (
        "Graveyard", "Cellar", "Nightshade", "Poltergeist", "Crypt", "Werewolf", "Midnight", "Asylum", "Possession",
        "Bloodmoon", "Haunting", "Coffin", "Vampire", "Curse", "Scarecrow", "Whisper", "Banshee", "Mausoleum",
        "Revenant", "Shadow",
    ),
    "romance": (
        "Valentine", "Bouquet", "Honeymoon", "Sweetheart", "Serenade", "Loveletter", "Wedding", "Rosewater", "Kiss",
        "Darling", "Heartbeat", "Moonlight", "Engagement", "Promenade", "Tenderness", "Springtime", "Candlelight",
        "Embrace", "Waltz", "Confetti",
    ),
    "crime": (
        "Heist", "Alibi", "Detective", "Ransom", "Blackmail", "Fingerprint", "Getaway", "Jury", "Gangster",
        "Undercover", "Verdict", "Forgery", "Witness", "Informant", "Motive", "Stakeout", "Smuggler", "Precinct",
        "Handcuffs", "Evidence",
    ),
    "sea": (
        "Harbour", "Lighthouse", "Shipwreck", "Mermaid", "Tidewater", "Captain", "Submarine", "Whaler", "Castaway",
        "Coral", "Anchor", "Regatta", "Leviathan", "Mutiny", "Albatross", "Lagoon", "Pearldiver", "Sailor", "Typhoon",
        "Driftwood",
    ),
}  # fmt: skip
TITLES = tuple(title for titles in GENRES.values() for title in titles)


class Titles:
    """From titles, with spaces or commas between them, to item ids and back: what a recommender has for a tokenizer."""

    def __init__(self, titles: Sequence[str] = TITLES) -> None:
        self._known = Vocabulary(titles)

    def encode(self, text: str, **_options: object) -> list[int]:
        """The ids of the titles in a text.

        Raises:
            InputError: a title there is not, with those near it.
        """
        return [self._known.id(title) for title in text.replace(",", " ").split()]

    def decode(self, ids: Sequence[int]) -> str:
        """Titles with a space between them."""
        return " ".join(self._known.texts[int(i)] for i in ids)
