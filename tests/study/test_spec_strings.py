"""What is typed after --tasks and --adapters, read and checked."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from medcot_adapters.selectors.layers import number_ranges
from medcot_bench.errors import ConfigError
from medcot_bench.plugins.options import check, convert
from medcot_bench.study.spec_strings import ITEMS, LM_EVAL, Spec, parse_specs
from medcot_bench.types import Option

DECLARED = {
    "r": Option(int, 16, "rank"),
    "dropout": Option(float, 0.0, "dropout"),
    "merge": Option(bool, False, "merge"),
    "mode": Option(str, "plain", "mode", choices=("plain", "fancy")),
}
JUNK = st.text(alphabet=st.one_of(st.sampled_from("ab1=:,+.- @/_\n\t"), st.characters()))
NAMES = st.from_regex(r"[A-Za-z0-9_.@/-]+", fullmatch=True)
KEYS = st.from_regex(r"[a-z_]{1,6}", fullmatch=True)
VALUES = st.from_regex(r"[A-Za-z0-9_.+=/-]+", fullmatch=True)


def as_pairs(text: str) -> list[tuple[str, dict[str, str]]]:
    return [(spec.name, dict(spec.options)) for spec in parse_specs(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" , ,\n", []),
        ("none", [("none", {})]),
        ("none,lora", [("none", {}), ("lora", {})]),
        ("none lora", [("none", {}), ("lora", {})]),
        ("lora:r=8", [("lora", {"r": "8"})]),
        ("lora:r=8,alpha=16,full", [("lora", {"r": "8", "alpha": "16"}), ("full", {})]),
        ("lora:r=8 alpha=16", [("lora", {"r": "8", "alpha": "16"})]),
        ("lora,r=8", [("lora", {"r": "8"})]),
        ("full:lr=1e-5,lora:lr=2e-4", [("full", {"lr": "1e-5"}), ("lora", {"lr": "2e-4"})]),
        ("lora:layers=1+3+8-15", [("lora", {"layers": "1+3+8-15"})]),
        ("task:file=a=b", [("task", {"file": "a=b"})]),
        ("manuals@unseen_template", [("manuals@unseen_template", {})]),
        ("lora,lora", [("lora", {}), ("lora", {})]),
    ],
)
def test_specs_are_split_at_commas_and_spaces(text: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    assert as_pairs(text) == expected


def test_specs_given_apart_are_split_as_if_joined_by_spaces() -> None:
    assert parse_specs(["none", "lora:r=8", "alpha=16,full"]) == parse_specs("none lora:r=8 alpha=16 full")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("r=8,lora", "'r=8' comes before any name; write NAME:r=8"),
        ("lora:r", "lora: 'r' is not an option; write lora:key=value"),
        ("lora:", "lora: '' is not an option; write lora:key=value"),
        ("lora:=8", "lora: '=8' is not an option; write lora:key=value"),
        ("lora:r=", "lora: 'r=' is not an option; write lora:key=value"),
        ("lora:r=8,=9", "lora: '=9' is not an option; write lora:key=value"),
        ("lora:r=8,r=9", "lora: option 'r' is given twice"),
        ("lo*ra", "'lo*ra' is not a plugin name; write NAME or NAME:key=value"),
        (":r=8", "':r=8' is not a plugin name; write NAME or NAME:key=value"),
    ],
)
def test_what_is_no_spec_is_named_with_the_way_to_write_it(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_specs(text)
    assert str(caught.value) == message


@given(JUNK)
@example("a:k=v:w,j=x")
@example("a:k:x=v,b==")
def test_any_text_parses_or_raises_a_config_error_and_parses_back_equal(text: str) -> None:
    try:
        specs = parse_specs(text)
    except ConfigError:
        return
    assert parse_specs([str(spec) for spec in specs]) == specs
    assert parse_specs(",".join(str(spec) for spec in specs)) == specs


@given(st.lists(st.builds(Spec, NAMES, st.dictionaries(KEYS, VALUES, max_size=4)), max_size=4))
def test_written_specs_give_the_same_names_options_and_order(specs: list[Spec]) -> None:
    parsed = parse_specs(",".join(str(spec) for spec in specs))
    assert parsed == specs
    assert [list(spec.options) for spec in parsed] == [list(spec.options) for spec in specs]


SPECS = st.builds(
    Spec,
    NAMES.filter(lambda name: name != LM_EVAL) | NAMES.map(lambda name: f"{LM_EVAL}:{name}"),
    st.dictionaries(KEYS, VALUES, max_size=4),
)


@given(SPECS)
@example(Spec("lm_eval:tasks/prose.yaml", {"num_fewshot": "5", "limit": "9"}))
def test_a_label_is_read_as_the_spec_that_it_is_of(spec: Spec) -> None:
    assert Spec.read(str(spec)) == spec
    assert list(Spec.read(str(spec)).options) == list(spec.options)


@given(JUNK)
@example("lm_eval")
@example("a:,b")
def test_any_label_is_read_and_read_again_equal(text: str) -> None:
    spec = Spec.read(text)
    assert Spec.read(str(spec)) == spec


@given(SPECS)
def test_a_name_is_its_stem_and_its_shift_and_the_number_of_items_is_one_option(spec: Spec) -> None:
    assert spec.name.startswith(spec.stem)
    assert spec.name == (f"{spec.stem}@{spec.shift}" if "@" in spec.name else spec.stem)
    sized = Spec(spec.name, {**spec.options, ITEMS: "250"})
    assert sized.unsized == spec.unsized == Spec(spec.name, {k: v for k, v in spec.options.items() if k != ITEMS})


@given(JUNK)
@example(".hidden,../up:a=/")
def test_a_slug_is_safe_as_a_folder_name(text: str) -> None:
    try:
        specs = parse_specs(text)
    except ConfigError:
        return
    assert all(re.fullmatch(r"(?!\.)[A-Za-z0-9_.+=-]*", spec.slug) for spec in specs)


def test_a_slug_shows_the_selector_without_its_key() -> None:
    assert parse_specs("layer_lora:select=top,k=2")[0].slug == "layer_lora.top.k2"
    assert parse_specs("none")[0].slug == "none"


def test_check_gives_every_declared_option_typed_or_default() -> None:
    checked = check("adapter x", DECLARED, {"r": "8", "merge": "yes"})
    assert checked == {"r": 8, "dropout": 0.0, "merge": True, "mode": "plain"}
    assert list(checked) == list(DECLARED)


def test_an_unknown_option_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(ConfigError, match=r"^adapter x: no option 'q'; known: r, dropout, merge, mode$"):
        check("adapter x", DECLARED, {"r": "8", "q": "1"})
    with pytest.raises(ConfigError, match=r"^adapter y: no option 'q'; known: none$"):
        check("adapter y", {}, {"q": "1"})


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("r", "8", 8),
        ("r", "-8", -8),
        ("dropout", "0.5", 0.5),
        ("dropout", "1e-5", 1e-5),
        ("dropout", "1", 1.0),
        ("merge", "true", True),
        ("merge", "On", True),
        ("merge", "1", True),
        ("merge", "FALSE", False),
        ("merge", "no", False),
        ("merge", "0", False),
        ("mode", "fancy", "fancy"),
    ],
)
def test_values_are_converted_to_the_declared_type(key: str, text: str, value: Any) -> None:
    converted = convert(key, DECLARED[key], text)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("r", "eight", "adapter x: r=eight: not an int"),
        ("r", "8.5", "adapter x: r=8.5: not an int"),
        ("dropout", "half", "adapter x: dropout=half: not a float"),
        ("dropout", "nan", "adapter x: dropout=nan: must be finite"),
        ("dropout", "-inf", "adapter x: dropout=-inf: must be finite"),
        ("merge", "maybe", "adapter x: merge=maybe: write true or false"),
        ("mode", "odd", "adapter x: mode=odd: choose one of plain, fancy"),
    ],
)
def test_an_ill_typed_value_is_refused_with_what_is_wanted(key: str, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check("adapter x", DECLARED, {key: text})
    assert str(caught.value) == message


@given(st.sampled_from(list(DECLARED.values())), JUNK)
@example(DECLARED["r"], "9" * 5000)
def test_any_text_converts_to_the_declared_type_or_raises_a_config_error(option: Option, text: str) -> None:
    try:
        value = convert("x", option, text)
    except ConfigError:
        return
    assert type(value) is option.type


@pytest.mark.parametrize(
    ("text", "numbers"), [("0", [0]), ("1+3+8-10", [1, 3, 8, 9, 10]), ("4-4", [4]), ("3+1", [3, 1])]
)
def test_ranges_include_both_ends(text: str, numbers: list[int]) -> None:
    assert number_ranges(text) == numbers


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is neither a number nor a range"),
        ("1+", "'' is neither a number nor a range"),
        ("1,2", "'1,2' is neither"),
        ("-1", "'-1' is neither"),
        ("1-2-3", "'1-2-3' is neither"),
        ("5-3", "'5-3' runs backwards"),
        ("1-9999999", "'1-9999999' is neither"),
    ],
)
def test_what_is_no_range_is_a_value_error(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        number_ranges(text)


@given(st.text(alphabet="0123456789+- x", max_size=9))
def test_any_text_is_a_list_of_numbers_or_a_value_error(text: str) -> None:
    try:
        numbers = number_ranges(text)
    except ValueError:
        return
    assert numbers
    assert all(number >= 0 for number in numbers)
