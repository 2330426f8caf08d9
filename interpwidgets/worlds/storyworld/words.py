"""The lexicon: every word of the world, and the facts that tie words together.

Nothing here is learned or drawn. A word's meaning is the list it stands in (`GIRLS`, `COLOURS`, `PLACES`), and the
facts of the world are pairs (`CAPITALS`: country to capital; `ANIMALS`: singular to plural), so a label such as "this
token is feminine" or "this statement is true" is a look-up, never a guess.

`held_out` decides which *combinations* of known words training never sees.
"""

from __future__ import annotations

import zlib
from functools import cache


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIRLS = _split(
    "Mary Anna Lucy Emma Sara Julia Clara Ella Rose Alice Nina Eva Laura Kate Helen Maria Ruth Nora Ida Grace "
    "Lily Jane Amy Molly Susan Paula Vera Diana Olga Tina Zoe Iris"
)
BOYS = _split(
    "Tom John Ben Max Paul Peter David Jack Sam Leo Hugo Oscar Simon Mark Adam Noah Jacob Felix Henry Frank "
    "Martin Luke Eric Karl Otto Anton Victor George Oliver Daniel Robert Walter"
)
NAMES = GIRLS + BOYS
GIRL_KINDS = ("girl", "woman", "queen", "princess")
BOY_KINDS = ("boy", "man", "king", "prince")

PLACES = _split(
    "park school market beach garden forest library museum station bakery lake farm castle church hospital river "
    "harbour theatre zoo kitchen bridge tower village mill barn stable hotel office cinema bank cave island valley "
    "meadow field playground temple palace square fair circus mountain"
)
_INSIDE = set(_split("garden forest library museum kitchen village barn stable cave valley meadow field palace park"))
THINGS = _split(
    "ball book kite hat cup bag ring lamp key doll drum flute bell coin map rope bottle bowl brush candle card comb "
    "cushion dress fan feather flag jar jug kettle letter mirror mug necklace needle pen pencil pillow pipe plate pot "
    "purse ribbon rug vase shell ship shovel spoon stamp stone sword toy train tray whistle wheel hammer bucket "
    "blanket puzzle clock violin"
)
COLOURS = _split("red blue green yellow black white brown pink grey purple golden silver")

# singular -> plural
ANIMALS = dict(
    pair.split("/")
    for pair in _split(
        "dog/dogs cat/cats horse/horses cow/cows pig/pigs goat/goats duck/ducks hen/hens frog/frogs bird/birds "
        "fox/foxes bear/bears wolf/wolves lion/lions tiger/tigers monkey/monkeys rabbit/rabbits turtle/turtles "
        "snake/snakes donkey/donkeys mouse/mice goose/geese squirrel/squirrels parrot/parrots swan/swans crow/crows "
        "lizard/lizards spider/spiders puppy/puppies kitten/kittens lamb/lambs pony/ponies"
    )
)
LANDMARKS = dict(
    pair.split("/")
    for pair in _split(
        "house/houses tree/trees wall/walls gate/gates car/cars cart/carts door/doors window/windows fence/fences "
        "boat/boats rock/rocks bush/bushes table/tables chair/chairs bed/beds hill/hills tent/tents shed/sheds "
        "truck/trucks bench/benches flower/flowers pond/ponds ladder/ladders statue/statues hut/huts box/boxes"
    )
)
VERBS = dict(  # third person singular -> plural
    pair.split("/")
    for pair in _split(
        "runs/run sleeps/sleep eats/eat plays/play jumps/jump sings/sing waits/wait hides/hide swims/swim walks/walk "
        "rests/rest drinks/drink dances/dance stands/stand sits/sit listens/listen climbs/climb fights/fight "
        "dreams/dream shivers/shiver is/are was/were has/have"
    )
)
AUXILIARIES = ("is", "are", "was", "were", "has", "have")

GOOD_FEELINGS = _split("happy glad cheerful joyful proud delighted excited pleased merry thankful hopeful lucky")
BAD_FEELINGS = _split("sad angry afraid lonely gloomy worried miserable hurt unhappy scared ashamed bitter")
GOOD_ACTS = _split("smiled laughed danced cheered sang clapped grinned giggled")
BAD_ACTS = _split("cried frowned sighed wept sobbed groaned trembled shouted")
GOOD_DAYS = _split("wonderful lovely beautiful perfect great sunny bright happy")
BAD_DAYS = _split("terrible awful horrible dreadful bad dark stormy sad")

CAPITALS = dict(
    pair.split("/")
    for pair in _split(
        "France/Paris Italy/Rome Spain/Madrid Germany/Berlin England/London Japan/Tokyo Egypt/Cairo Russia/Moscow "
        "China/Beijing Greece/Athens Portugal/Lisbon Austria/Vienna Poland/Warsaw Hungary/Budapest Norway/Oslo "
        "Sweden/Stockholm Finland/Helsinki Denmark/Copenhagen Ireland/Dublin Canada/Ottawa Cuba/Havana Peru/Lima "
        "Kenya/Nairobi Turkey/Ankara Iran/Tehran Thailand/Bangkok Belgium/Brussels Chile/Santiago"
    )
)
COUNTRIES = tuple(CAPITALS)
CITIES = tuple(CAPITALS.values())

EVENTS = _split(
    "war journey reign voyage drought famine peace contest festival trial siege strike battle flood winter "
    "expedition project plague rebellion friendship marriage search"
)
CENTURIES = tuple(str(number) for number in range(10, 20))
YEARS = tuple(f"{number:02d}" for number in range(100))
START_YEARS = YEARS[:97]

GAVE = _split("gave handed passed offered brought showed sold lent sent threw")
SIZES = _split("big small old new heavy soft tiny shiny broken round strange clean")
FOODS = _split("bread cake soup cheese rice fruit honey meat fish corn pie salad butter chocolate")
DRINKS = _split("milk water tea juice lemonade")
CLOTHES = _split("coat scarf shirt jacket boots gloves socks shoes trousers belt cap sweater")
FAMILY = _split("mother father brother sister friend uncle aunt grandmother grandfather cousin neighbour teacher")
JOBS = _split("farmer doctor baker painter sailor singer writer dancer nurse soldier tailor driver hunter gardener")
SKILLS = _split("read write cook draw paint fly ride fish knit juggle whistle skate")
NEEDS = _split("hungry tired thirsty cold ill busy late ready bored sleepy")
GAMES = _split("football chess cards tennis music hockey")
MONTHS = _split("January February March April May June July August September October November December")
WEEKDAYS = _split("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
DAYPARTS = _split("morning afternoon evening")
SEASONS = _split("spring summer autumn winter")
MEALS = _split("breakfast lunch dinner supper")
NUMBERS = _split("two three four five six seven eight nine ten eleven twelve")
WENT = _split("went walked ran hurried drove travelled returned came")
NEAR = _split("near behind beside by under")

#: Words that random spans (signs and songs) are made of: plain words with no grammar of their own.
SPAN_WORDS = tuple(
    dict.fromkeys(
        THINGS + COLOURS + tuple(ANIMALS) + tuple(LANDMARKS) + PLACES + GOOD_FEELINGS + BAD_FEELINGS + SIZES + FOODS
        + DRINKS + CLOTHES + FAMILY + JOBS + SKILLS + NEEDS + GAMES + SEASONS + MEALS + NUMBERS + EVENTS + DAYPARTS
        + tuple(ANIMALS.values()) + tuple(LANDMARKS.values()) + GOOD_DAYS + BAD_DAYS + GOOD_ACTS + BAD_ACTS
        + NAMES + COUNTRIES + CITIES
    )
)  # fmt: skip


def inside(place: str) -> str:
    """The preposition a place takes: "in" the garden, "at" the beach."""
    return "in" if place in _INSIDE else "at"


@cache
def held_out(*words: str) -> bool:
    """Whether training never sees these words combined in the role that asks (about one combination in six).

    A checksum of the sorted words decides (its prefix chosen so that each word has some partner on either side), so
    the answer is fixed for ever and needs no stored list. Every *word* is seen in training; a held-out pair of friends,
    colour of a thing, attractor of a noun or false capital is not.
    """
    return zlib.crc32(("0|" + "|".join(sorted(words))).encode()) % 6 == 0


@cache
def partners(word: str, others: tuple[str, ...], split: str) -> tuple[str, ...]:
    """The `others` that `word` may be combined with in this split: disjoint between "train" and "heldout"."""
    wanted = split == "heldout"
    return tuple(other for other in others if other != word and held_out(word, other) == wanted)
