"""storyworld says the truth about its text, hides nothing in it, and its shipped model knows what its card claims."""

import json
import math
import random
import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from interpwidgets.errors import InputError
from interpwidgets.worlds import storyworld
from interpwidgets.worlds.storyworld import words as w
from interpwidgets.worlds.storyworld.grammar import Template, templates
from interpwidgets.worlds.storyworld.slots import SLOTS
from interpwidgets.worlds.storyworld.stories import tell

BUDGET = 7_200_000  # bytes of the wheel; all worlds together have 8 MB
DETERMINED = [*storyworld.TASKS, "induction"]


@pytest.fixture(scope="module")
def train():
    return storyworld.generate(300, seed=1)


@pytest.fixture(scope="module")
def heldout():
    return storyworld.generate(150, seed=1, split="heldout")


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(storyworld.folder())


@pytest.fixture(scope="module")
def model():
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(storyworld.folder()).eval()


# The generator


def test_same_seed_same_stories_and_tasks():
    one, two = storyworld.generate(20, seed=5), storyworld.generate(20, seed=5)
    assert [s.text for s in one] == [s.text for s in two]
    assert all((a.labels[k] == b.labels[k]).all() for a, b in zip(one, two, strict=True) for k in storyworld.FACTORS)
    assert [s.text for s in one] != [s.text for s in storyworld.generate(20, seed=6)]
    assert storyworld.tasks("truth", n=5, seed=1) == storyworld.tasks("truth", n=5, seed=1)


def test_the_generator_needs_no_torch():
    code = (
        "import sys; from interpwidgets.worlds import storyworld as s; stories = s.generate(2, seed=0); "
        "tasks = s.tasks(n=1, seed=0); "
        "print(len(stories), len(tasks) > 0, sorted({'torch', 'transformers', 'tokenizers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("2 True []", "")


def test_every_factor_is_an_int16_per_word_and_every_factor_occurs(train):
    for name in storyworld.FACTORS:
        values = [story.labels[name] for story in train]
        assert all(v.dtype == np.int16 and v.shape == (len(s.words),) for v, s in zip(values, train, strict=True))
        assert len(np.unique(np.concatenate(values))) > 1, name


def test_a_wrong_split_or_task_says_what_to_do():
    with pytest.raises(InputError, match="heldout"):
        storyworld.generate(1, seed=0, split="test")
    with pytest.raises(InputError, match="indirect_object"):
        storyworld.tasks("ioi", n=1, seed=0)


# Labels against the text, read by regular expressions that know nothing of the generator


def _spoken(story):
    return " ".join(story.words)


def _at(story, match, group):
    """The token index of a group matched in the words joined by spaces."""
    return _spoken(story)[: match.start(group)].count(" ")


def test_roles_of_an_indirect_object_sentence(train):
    form = re.compile(r"(?:^|[.?] )When (\w+) and (\w+) went to the \w+ , (\w+) \w+ the \w+ (to) (\w+) \.")
    found = [(s, m) for s in train for m in form.finditer(_spoken(s))]
    assert len(found) > 20
    for story, match in found:
        a, b, giver, _, receiver = match.groups()
        assert {a, b} == {giver, receiver}
        places = [_at(story, match, i) for i in range(1, 6)]
        roles = [storyworld.ROLES[story.labels["role"][i]] for i in places]
        assert roles == [*(["s1", "io"] if giver == a else ["io", "s1"]), "s2", "end", "answer"]


def test_gender_and_person_of_names_and_pronouns(train):
    for story in train:
        for i, word in enumerate(story.words):
            if word in ("she", "She", "her", "Her"):
                assert story.labels["gender"][i] == 1
                assert w.NAMES[story.labels["person"][i] - 1] in w.GIRLS
            elif word in ("he", "He", "his", "His", "him"):
                assert story.labels["gender"][i] == -1
                assert w.NAMES[story.labels["person"][i] - 1] in w.BOYS


def test_number_of_subject_and_verb_agree_and_attractors_vary(train):
    seen = set()
    for story in train:
        labels = story.labels
        number = {}
        for i in np.flatnonzero(labels["agreement"]):
            role = storyworld.AGREEMENT[labels["agreement"][i]]
            number[role] = labels["number"][i]
            plural = story.words[i] in {*w.ANIMALS.values(), *w.LANDMARKS.values(), *w.VERBS.values()}
            assert labels["number"][i] == (-1 if plural else 1)
            if role == "verb":
                assert number["subject"] == number["verb"]
                seen.add((number["subject"], number.get("attractor")))
                number = {}
    assert {(1, 1), (1, -1), (-1, 1), (-1, -1)} <= seen


def test_truth_follows_the_capitals(train):
    form = re.compile(r"(?:^|[.?] )(\w+) is the capital of (\w+) \. That is (true|false)")
    found = [(s, m) for s in train for m in form.finditer(_spoken(s))]
    assert {m[3] for _, m in found} == {"true", "false"}
    for story, match in found:
        truth = w.CAPITALS[match[2]] == match[1]
        assert (match[3] == "true") == truth
        assert story.labels["truth"][_at(story, match, 1)] == story.labels["truth"][_at(story, match, 3)]
        assert story.labels["truth"][_at(story, match, 1)] == (1 if truth else -1)
        assert w.COUNTRIES[story.labels["country"][_at(story, match, 2)] - 1] == match[2]


def test_wars_end_after_they_begin(train):
    for story in train:
        years = story.labels["year"][story.labels["year"] >= 0]
        assert (years[1::2] > years[::2]).all()
        assert all(int(story.words[i]) == story.labels["year"][i] for i in np.flatnonzero(story.labels["year"] >= 0))


def test_spans_are_repeated_word_for_word(train):
    again = 0
    for story in train:
        said: dict[int, str] = {}
        for i in np.flatnonzero(story.labels["repeat"]):
            position = int(story.labels["span"][i])
            if story.labels["repeat"][i] == 1:
                said[position] = story.words[i]
            else:
                assert said[position] == story.words[i]
                again += 1
    assert again > 300


def test_mood_place_and_colour_last(train):
    for story in train:
        mood = story.labels["sentiment"]
        first = np.flatnonzero(mood)[:1]
        assert not len(first) or len(set(mood[first[0] :])) == 1  # once told, a mood stays
        feeling = story.labels["feeling"]
        assert (feeling[feeling != 0] == mood[feeling != 0]).all()
    asked = [(s, m) for s in train for m in re.finditer(r"The (\w+) was (\w+) \.", _spoken(s)) if m[1] in w.THINGS]
    assert asked
    for story, match in asked:
        told = re.findall(rf"a (\w+) {match[1]}\b", _spoken(story)[: match.start()])
        assert match[2] in told
        assert w.COLOURS[story.labels["colour"][_at(story, match, 1)] - 1] == match[2]


# The probabilities


def test_surprisal_is_the_frequency_with_which_a_story_begins_so():
    rng = random.Random(0)
    first = Counter(tell(rng, score=False, most=1)[0].word for _ in range(8000))
    stated = {s.words[0]: float(s.surprisal[0]) for s in storyworld.generate(300, seed=2)}
    for word in ("The", "Once", "It", "Is", "When"):
        chance = math.exp(-stated[word])
        assert abs(first[word] / 8000 - chance) < 4 * math.sqrt(chance / 8000)


def test_a_determined_word_has_no_surprisal(train):
    for story in train:
        answers = story.labels["role"] == storyworld.ROLES.index("answer")
        assert story.surprisal[answers].max(initial=0.0) < 0.1
        assert (story.surprisal >= -1e-6).all()


# What is held out


def _form(item: Template) -> re.Pattern[str]:
    """A template as a regular expression; a slot stands for any word of its list, or of its sort."""
    sorts = {"they": ("They",), "pronoun": ("He", "She", "he", "she", "his", "her", "His", "Her", "him")}
    sorts |= dict.fromkeys(["name", "a", "b", "s2", "io"], w.NAMES)
    lists = {id(slot): slot.options({}).words for name, slot in SLOTS.items() if name in ("part", "weekday", "meal")}
    body = []
    for x in item.items:
        words = (x,) if isinstance(x, str) else sorts.get(x.role) or lists.get(id(x))
        body.append("(?:" + "|".join(map(re.escape, words)) + ")" if words else r"\w+")
    return re.compile(r"(?:^|[.?] )" + " ".join(body))


def test_held_out_forms_never_occur_in_training_and_are_asked_in_tasks(train):
    forms = {item.line: _form(item) for item in templates() if item.heldout}
    assert len(forms) > 30
    for story in train:
        for line, form in forms.items():
            assert not form.search(_spoken(story)), (line, story.text)
    asked = {task.template for task in storyworld.tasks(n=100, seed=0)}
    assert asked <= set(forms)


def test_held_out_combinations_never_occur_in_training(train, heldout):
    pair = re.compile(r"(?:^|[.?] )(?:When |Then |After \w+ )?(\w+) and (\w+) (?:went|walked|got)")
    colour = re.compile(r" a (\w+) (\w+)")
    wrong = re.compile(r"(\w+) is the capital of (\w+) (?:\.|\?)")
    event = re.compile(r"The (\w+) lasted from (?:the year )?\d\d (\d\d)")
    attractor = re.compile(r"The (?:\w+ )?(\w+) (?:near|behind|by|under|beside) the (\w+)")
    plural = {b: a for table in (w.ANIMALS, w.LANDMARKS) for a, b in table.items()}

    def combinations(story):
        text = _spoken(story)
        yield from (("pair", *x) for x in pair.findall(text) if set(x) <= set(w.NAMES))
        yield from (("colour", *x) for x in colour.findall(text) if x[0] in w.COLOURS and x[1] in w.THINGS)
        yield from (("capital", *x) for x in wrong.findall(text) if w.CAPITALS.get(x[1], x[0]) != x[0])
        yield from (("year", *x) for x in event.findall(text))
        nouns = [(plural.get(a, a), plural.get(b, b)) for a, b in attractor.findall(text)]
        yield from (("noun", *x) for x in nouns if x[0] in w.ANIMALS and x[1] in w.LANDMARKS)

    for stories, wanted in ((train, False), (heldout, True)):
        found = [x for story in stories for x in combinations(story)]
        assert {kind for kind, *_ in found} == {"pair", "colour", "capital", "year", "noun"}
        assert all(w.held_out(*x) == wanted for _, *x in found)


def test_every_word_is_used_in_training():
    from interpwidgets.worlds.storyworld.tokenizer import SPECIALS, vocabulary

    rng = random.Random(0)
    used = {token.word for _ in range(3000) for token in tell(rng, score=False)}
    assert set(vocabulary()) - set(SPECIALS) - used == set()
    assert used - set(SPECIALS) <= set(vocabulary())
    assert 800 <= len(vocabulary()) <= 1200


def test_tasks_ask_what_is_certain():
    for task in storyworld.tasks(n=30, seed=3) + storyworld.tasks(n=30, seed=3, split="train"):
        assert task.certainty >= 0.99
        assert not set(task.answers) & set(task.distractors)
        assert task.answers


# The tokenizer


def test_words_are_the_tokens_and_text_round_trips(tokenizer, train, heldout):
    for story in train + heldout:
        ids = tokenizer(story.text)["input_ids"]
        assert tokenizer.convert_ids_to_tokens(ids) == ["<s>", *story.words]
        assert len(ids) < tokenizer.model_max_length == 256
        assert tokenizer.decode(ids, skip_special_tokens=True) == story.text


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (
            "Mary and Tom went to the park. Tom gave the ball to",
            "Mary and Tom went to the park . Tom gave the ball to",
        ),
        ("Once upon a time", "Once upon a time"),
        ("The war lasted from the year 1732 to the year 17", "The war lasted from the year 17 32 to the year 17"),
    ],
)
def test_demo_prompts_are_known_words(tokenizer, text, tokens):
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == ["<s>", *tokens.split()]
    assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_special_tokens(tokenizer):
    assert (tokenizer.bos_token, tokenizer.eos_token) == ("<s>", "</s>")
    assert (tokenizer.pad_token, tokenizer.unk_token) == ("<pad>", "<unk>")
    assert tokenizer.convert_ids_to_tokens(tokenizer("Zebra")["input_ids"]) == ["<s>", "<unk>"]


# What ships


def test_the_folder_fits_its_budget():
    assert sum(path.stat().st_size for path in storyworld.folder().rglob("*") if path.is_file()) <= BUDGET


def test_the_weights_load_as_float32(model):
    import torch

    assert model.config.model_type == "gpt2"
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert all(torch.isfinite(p).all() for p in model.parameters())


@pytest.mark.parametrize(
    ("prompt", "right"),
    [
        ("Mary and Tom went to the park. Tom gave the ball to", "Mary"),
        ("Mary and Tom went to the park. Mary gave the ball to", "Tom"),
        ("The capital of France is", "Paris"),
        ("Paris is the capital of France. That is", "true"),
        ("Rome is the capital of France. That is", "false"),
    ],
)
def test_demo_prompts_are_answered(model, tokenizer, prompt, right):
    logits = model(**tokenizer(prompt, return_tensors="pt")).logits
    assert tokenizer.decode(int(logits[0, -1].argmax())) == right


@pytest.mark.parametrize("split", storyworld.SPLITS)
def test_the_model_knows_what_its_card_claims(model, tokenizer, split):
    fresh = storyworld.measure(model, tokenizer, split=split, n=200, seed=11)  # not the seed of the card
    card = json.loads((storyworld.folder() / "measures.json").read_text())["measures"][split]
    for name in DETERMINED:
        assert fresh[name]["accuracy"] >= 0.9, name
        share, n = card[name]["accuracy"], fresh[name]["n"]
        error = math.sqrt(max(share * (1 - share), 0.005) * (1 / n + 1 / card[name]["n"]))
        assert abs(fresh[name]["accuracy"] - share) < 4 * error, name
    gap = fresh["loss"]["nats"] - fresh["loss"]["entropy"]
    assert gap > -0.01  # nobody beats the entropy of the source
    if split == "train":
        assert gap < 0.3


def test_checkpoints_load_and_have_no_finished_induction_heads(tokenizer):
    from transformers import AutoModelForCausalLM

    from interpwidgets.worlds.storyworld.measures import induction

    folders = storyworld.checkpoint_folders()
    if not folders:
        pytest.skip("the weights in this package were shipped without checkpoints")
    for path in folders.values():
        assert induction(AutoModelForCausalLM.from_pretrained(path).eval(), tokenizer, n=16, seed=0) < 0.9
