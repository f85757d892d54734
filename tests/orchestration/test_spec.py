from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from mlops_lab.document import read_document
from mlops_lab.errors import InvalidInput
from mlops_lab.orchestration.model import json_schema
from mlops_lab.orchestration.shapes import seconds
from mlops_lab.orchestration.sources import InputFile, StepOutput
from mlops_lab.orchestration.spec import load_spec

PREPARE = "steps:\n  prepare: {notebook: ../notebooks/prepare.ipynb, outputs: {train: t.csv}}\n"

Faults = Callable[[str], list[str]]


@pytest.fixture(autouse=True)
def notebooks(workshop) -> None:
    workshop.notebook("prepare", "1", params="seed = 1\ntrain = 'x.csv'")
    workshop.notebook(
        "train", "1", params="seed: int = 1\nrate = 1\nkind = 'a'\ntrain = 'x'\nmodel = 'm'"
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "1:1: The file is empty: a pipeline needs steps."),
        ("- a", "1:1: A pipeline is a map with steps, not a list or text."),
        ("steps: {}", "1:8: steps is empty: a pipeline needs at least one step."),
        ("name: x", "1:1: A pipeline has no steps."),
        (
            "step: {}",
            "1:1: 'step' is not known here. Did you mean steps? A pipeline has name, params, "
            "steps, gates, promote, deploy, triggers.",
        ),
        ("steps:\n  a:\n", "2:3: Step a is empty: write a map with notebook."),
        (
            "steps:\n  a-b: {notebook: ../notebooks/prepare.ipynb}",
            "2:3: 'a-b' cannot be a name here: use at most 100 letters, digits and _, "
            "and no digit first.",
        ),
        (
            f"steps:\n  {'a' * 101}: {{notebook: ../notebooks/prepare.ipynb}}",
            f"2:3: '{'a' * 58}… cannot be a name here: use at most 100 letters, digits and _, "
            "and no digit first.",
        ),
        (
            'name: "a\\nb"\nsteps:\n  a: {notebook: ../notebooks/prepare.ipynb}',
            r"1:7: name is 'a\nb'; it must be one line without control characters.",
        ),
        (
            "steps:\n  a:\n    notebok: ../notebooks/prepare.ipynb",
            "3:5: 'notebok' is not known here. Did you mean notebook? Step a has notebook, "
            "params, inputs, outputs, retries, timeout.",
        ),
        (
            "steps:\n  a:\n    notebook: ../notebooks/prepar.ipynb",
            "3:15: There is no notebook '../notebooks/prepar.ipynb'. "
            "Did you mean ../notebooks/prepare.ipynb?",
        ),
        (
            "steps:\n  a:\n    notebook: ../notebooks/prepare.txt",
            "3:15: '../notebooks/prepare.txt' is not a notebook: .ipynb, or jupytext .py or .md.",
        ),
        (
            "steps:\n  params: {notebook: ../notebooks/prepare.ipynb}",
            "2:3: 'params' is reserved and cannot name a step.",
        ),
        (
            PREPARE
            + "  b:\n    notebook: ../notebooks/train.ipynb\n    inputs: {train: prepare.trian}",
            "5:21: Step prepare has no output 'trian'; it has train. Did you mean prepare.train?",
        ),
        (
            PREPARE
            + "  b:\n    notebook: ../notebooks/train.ipynb\n    inputs: {train: prepere.train}",
            "5:21: 'prepere.train' is no step.output, and there is no such file or folder. "
            "Did you mean prepare.train?",
        ),
        (
            PREPARE + "  b:\n    notebook: ../notebooks/train.ipynb\n    timeout: 90",
            "5:14: steps.b.timeout is 90; it must be a duration with a unit, such as 20m or 90s. "
            "Did you mean 90s?",
        ),
        (
            PREPARE + "  b:\n    notebook: ../notebooks/train.ipynb\n    timeout: 0s",
            "5:14: steps.b.timeout is '0s'; it must be from just above 0 to a year.",
        ),
        (
            PREPARE + "  b:\n    notebook: ../notebooks/train.ipynb\n    timeout: 99999999d",
            "5:14: steps.b.timeout is '99999999d'; it must be from just above 0 to a year.",
        ),
        (
            PREPARE + "gates:\n  - metric: prepare.a > 1\n  - metric: 3",
            "5:13: gates.2.metric is 3; it must be a comparison, such as evaluate.auc >= 0.6.",
        ),
        *(
            (
                "steps:\n  a:\n    notebook: ../notebooks/train.ipynb\n"
                f"    outputs: {{train: {first}, model: {second}}}",
                fault,
            )
            for first, second, fault in (
                ("a.csv", "./a.csv", "4:36: './a.csv' is the file of output train already."),
                ("a", "a/b", "4:32: 'a/b' and output train: one would be the other's folder."),
                ("a/b", "a", "4:34: 'a' and output train: one would be the other's folder."),
            )
        ),
        (
            f"steps:\n  a:\n    notebook: {'n' * 300}.ipynb",
            f"3:15: There is no notebook '{'n' * 300}.ipynb'.",
        ),
        (
            "steps:\n  a:\n    notebook: ../notebooks/train.ipynb\n"
            f"    inputs: {{train: {'n' * 300}}}",
            f"4:21: '{'n' * 300}' is no step.output, and there is no such file or folder.",
        ),
        (
            "steps:\n  a:\n    notebook: ../notebooks/train.ipynb\n"
            f"    outputs: {{train: {'n' * 300}}}",
            f"4:22: '{'n' * 300}' must be a file name or a path below the step's own folder.",
        ),
        (
            PREPARE + "  b:\n    notebook: ../notebooks/train.ipynb\n    outputs: {model: ../m}",
            "5:22: '../m' must be a file name or a path below the step's own folder.",
        ),
        (
            PREPARE + "  b:\n    notebook: ../notebooks/train.ipynb\n    params: {seed: x}",
            "5:20: seed is text here, and a whole number in the parameters cell of train.ipynb.",
        ),
        (
            PREPARE + "  b:\n    notebook: ../notebooks/train.ipynb\n    params: {class: 1}",
            "5:14: 'class' is a word of Python and cannot be a variable.",
        ),
        (
            PREPARE
            + "  b:\n    notebook: ../notebooks/train.ipynb\n    inputs: {train: prepare.train}\n"
            + "    outputs: {train: x}",
            "6:15: 'train' is in inputs already: a notebook has one such name.",
        ),
    ],
)
def test_a_fault_is_found_with_its_place_and_the_right_word(
    faults_of: Faults, text: str, fault: str
) -> None:
    assert faults_of(text) == [fault]


@pytest.mark.parametrize(
    ("gate", "fault"),
    [
        (
            "prepar.auc > 1",
            "4:13: There is no step 'prepar'; a gate writes step.metric or params.name. "
            "Did you mean prepare.auc?",
        ),
        ("prepare.auc >= params.mn", "4:28: The pipeline has no param 'mn'."),
        ("prepare > 1", "4:13: Step prepare needs a metric: prepare.auc."),
        (
            "champion.prepare.auc > 1",
            "4:13: Whose champion? This pipeline has no promote, such as "
            "promote: {model: train.model, alias: champion}.",
        ),
        (
            "champion.prepar.auc > 1",
            "4:13: There is no step 'prepar'; a gate writes champion.step.metric. "
            "Did you mean champion.prepare.auc?",
        ),
        ("champion.prepare > 1", "4:13: Step prepare needs a metric: champion.prepare.auc."),
        ("champion > 1", "4:13: A step and its metric come after champion: champion.evaluate.auc."),
        (
            "previous.prepare.auc > 1",
            "4:13: There is no step 'previous'; a gate writes step.metric or params.name.",
        ),
        (
            "prepare.auc",
            "4:13: A condition is needed here, and this is a value. Compare it: prepare.auc > 0.",
        ),
        ("prepare.auc = 'high'", "4:27: "),
        ("'prepare.auc > > 1'", "4:28: A value is needed here, not >."),
    ],
)
def test_a_fault_in_a_gate_is_pointed_at_inside_the_expression(
    faults_of: Faults, gate: str, fault: str
) -> None:
    [found] = faults_of(PREPARE + f"gates:\n  - metric: {gate}\n")

    assert found.startswith(fault)


def test_what_is_no_file_says_what_it_is(faults_of: Faults, workshop) -> None:
    folder = workshop.root / "notebooks"
    (folder / "sub.ipynb").mkdir()
    (folder / "away.ipynb").symlink_to("gone.ipynb")
    (folder / "loop.ipynb").symlink_to("loop.ipynb")
    steps = "".join(
        f"  {name}: {{notebook: ../notebooks/{name}.ipynb}}\n" for name in ("sub", "away", "loop")
    )

    assert [fault.partition(": ")[2] for fault in faults_of(f"steps:\n{steps}")] == [
        "'../notebooks/sub.ipynb' is a folder, not a notebook.",
        "'../notebooks/away.ipynb' is a link to a notebook that is not there.",
        "'../notebooks/loop.ipynb' is a link to a notebook that is not there.",
    ]


def test_a_cycle_is_named_step_by_step(faults_of: Faults) -> None:
    step = "{notebook: ../notebooks/train.ipynb, inputs: {train: %s.model}, outputs: {model: m}}"
    text = f"steps:\n  a: {step % 'c'}\n  b: {step % 'a'}\n  c: {step % 'b'}\n"

    assert faults_of(text) == ["2:59: The steps go in a circle: a needs c needs b needs a."]


FIGHT = """\
steps:
  train:
    notebook: ../notebooks/train.ipynb
    outputs: {model: model:delay, train: t.csv}
  judge:
    notebook: ../notebooks/train.ipynb
    inputs: {model: train.model}
"""
CHAMPION = "gates:\n  - metric: judge.auc > champion.judge.auc\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        # promote: what
        ("promote:\n", "8:1: promote is empty; it must be a map, such as {model: train.model, "),
        ("promote: train.model\n", "8:10: promote is 'train.model'; it must be a map, such as"),
        ("promote: {model: train.model}\n", "8:1: Promote has no alias."),
        (
            "promote: {model: train.model, alias: champion, replace: judge.model}\n",
            "8:48: 'replace' is not known here. Did you mean replaces? Promote has model, alias, "
            "replaces, against.",
        ),
        (
            "promote: {model: tran.model, alias: champion}\n",
            "8:18: There is no step 'tran'; promote names a model output, step.output. "
            "Did you mean train.model?",
        ),
        (
            "promote: {model: train.modle, alias: champion}\n",
            "8:18: Step train has no output 'modle'; it has model, train. "
            "Did you mean train.model?",
        ),
        (
            "promote: {model: train.train, alias: champion}\n",
            "8:18: train.train is 't.csv', no model: a model's output is written model:NAME.",
        ),
        (
            "promote: {model: train.model, alias: 3}\n",
            "8:38: promote.alias is 3; it must be a word such as champion: up to 50 letters,",
        ),
        (
            "promote: {model: train.model, alias: latest}\n",
            "8:38: promote.alias is 'latest'; it must be a word such as champion: up to 50",
        ),
        (
            "promote: {model: train.model, alias: '../champion'}\n",
            "8:39: promote.alias is '../champion'; it must be a word such as champion: up to 50",
        ),
        # the champion's place
        (
            CHAMPION + "promote: {model: train.model, alias: champion, replaces: juge.model}\n",
            "10:58: There is no step 'juge'; replaces names an input, step.input. "
            "Did you mean judge.model?",
        ),
        (
            CHAMPION + "promote: {model: train.model, alias: champion, replaces: judge.modle}\n",
            "10:58: Step judge has no input 'modle'; it has model. Did you mean judge.model?",
        ),
        (
            CHAMPION.replace("champion.judge", "champion.train")
            + "promote: {model: train.model, alias: champion}\n",
            "9:25: The champion is judged by step judge, whose input model it replaces, not by "
            "train. Did you mean champion.judge.auc?",
        ),
        (
            "  again: {notebook: ../notebooks/train.ipynb, inputs: {model: train.model}}\n"
            + CHAMPION
            + "promote: {model: train.model, alias: champion}\n",
            "11:1: train.model feeds judge.model and again.model: say where the champion goes, "
            "with replaces.",
        ),
        # gates
        (
            "gates:\n  - {}\n",
            "9:5: Gate 1 is empty: write one of metric, approval, data, fairness, monitor.",
        ),
        (
            "gates:\n  - {metric: judge.a > 1, approval: {}}\n",
            "9:5: Gate 1 is approval and metric at once: write one of metric, approval,",
        ),
        (
            "gates:\n  - metrik: judge.a > 1\n",
            "9:5: 'metrik' is not known here. Did you mean metric? Gate 1 has metric, approval, "
            "data, fairness, monitor.",
        ),
        (
            "gates:\n  - approval: {role: approver}\n",
            "9:5: An approval speaks of the model that is to be promoted, and this pipeline has no",
        ),
        (
            "gates:\n  - approval: {role: aprover}\npromote: {model: train.model, alias: a}\n",
            "9:22: No role 'aprover' may approve: the roles that may are approver and admin. "
            "Did you mean approver?",
        ),
        (
            "gates:\n  - approval: {role: viewer}\npromote: {model: train.model, alias: a}\n",
            "9:22: A viewer may not approve: the roles that may are approver and admin.",
        ),
        (
            "gates:\n  - approval: {count: 0}\npromote: {model: train.model, alias: a}\n",
            "9:23: gates.1.approval.count is 0; it must be a whole number from 1 to 20.",
        ),
        (
            "gates:\n  - approval: {count: true}\npromote: {model: train.model, alias: a}\n",
            "9:23: gates.1.approval.count is True; it must be a whole number from 1 to 20.",
        ),
        (
            "gates:\n  - fairness: {metric: judge.fpr, by: carrier}\n",
            "9:5: The fairness gate 1 has no limit: write max_ratio, max_difference or both.",
        ),
        (
            "gates:\n  - fairness: {metric: juge.fpr, by: a, max_ratio: 2}\n",
            "9:24: There is no step 'juge'; a fairness gate writes step.metric. "
            "Did you mean judge.fpr?",
        ),
        (
            "gates:\n  - fairness: {metric: judge, by: a, max_ratio: 2}\n",
            "9:24: Step judge needs a metric: judge.fpr.",
        ),
        (
            "gates:\n  - fairness: {metric: judge.fpr, by: a, max_ratio: .inf}\n",
            "9:53: gates.1.fairness.max_ratio is inf; it must be a number from 1.",
        ),
        (
            "gates:\n  - fairness: {metric: judge.fpr, max_ratio: 2}\n",
            "9:5: The fairness gate 1 has no by.",
        ),
        ("gates:\n  - data: flights\n", "9:11: gates.1.data is 'flights'; it must be a map, such"),
        (
            "gates:\n  - data: {suit: flights, input: train.train}\n",
            "9:12: 'suit' is not known here. Did you mean suite? The data gate 1 has suite, input.",
        ),
        (
            "gates:\n  - data: {suite: flights, input: train.trian}\n",
            "9:35: Step train has no input or output 'trian'; it has model, train. "
            "Did you mean train.train?",
        ),
        (
            "gates:\n  - data: {suite: flights, input: train.model}\n",
            "9:35: train.model is a model, and a suite checks data.",
        ),
        # versions
        (
            "  again: {notebook: ../notebooks/train.ipynb, outputs: {model: 'model:delay@3'}}\n",
            "8:65: An output is a new version, whose number is not known yet. "
            "Did you mean model:delay?",
        ),
        (
            "  again: {notebook: ../notebooks/train.ipynb, inputs: {model: 'model:../../delay'}}\n",
            "8:64: A model's name has up to 100 letters, digits and . _ -, beginning with a letter",
        ),
        (
            "  again: {notebook: ../notebooks/train.ipynb, inputs: {model: 'dataset:'}}\n",
            "8:64: A dataset's name has up to 100 letters",
        ),
        (
            "  again: {notebook: ../notebooks/train.ipynb, inputs: {model: 'dataset:a@b@c'}}\n",
            "8:64: An alias is a word as champion",
        ),
    ],
)
def test_a_fault_of_promotion_is_found_with_its_place(
    faults_of: Faults, text: str, fault: str
) -> None:
    [found] = [one for one in faults_of(FIGHT + text) if ": warning: " not in one]

    assert found.startswith(fault)


def test_a_champion_needs_an_input_that_it_can_take(faults_of: Faults) -> None:
    steps = FIGHT.replace("inputs: {model: train.model}", "inputs: {model: train.train}")

    assert faults_of(steps + CHAMPION + "promote: {model: train.model, alias: champion}\n") == [
        "10:1: No input is fed by train.model: say where the champion goes, with "
        "replaces: step.input."
    ]


def test_a_step_that_judges_the_champion_makes_no_versions(faults_of: Faults) -> None:
    steps = FIGHT + "    outputs: {train: dataset:scored}\n"

    assert faults_of(steps + CHAMPION + "promote: {model: train.model, alias: champion}\n") == [
        "8:22: Step judge judges the champion as well, and would make another version of scored "
        "for it: let another step make that."
    ]


def test_promoting_without_gates_is_doubtful(faults_of: Faults) -> None:
    assert faults_of(FIGHT + "promote: {model: train.model, alias: champion}\n") == [
        "8:1: warning: Nothing is asked before delay is promoted: the pipeline has no gates."
    ]


def test_a_suite_of_a_gate_must_exist_and_be_sound(workshop) -> None:
    from mlops_lab.orchestration.spec import read_spec

    (workshop.root / "suites").mkdir()
    (workshop.root / "suites" / "flights.yaml").write_text("checks: [{check: rang, column: a}]")

    def fault(suite: str) -> str:
        gate = f"gates:\n  - data: {{suite: {suite}, input: train.train}}\n"
        path = workshop.pipeline(FIGHT + gate)
        _, faults = read_spec(path, file="p", root=workshop.root)
        [found] = faults
        return str(found)

    assert fault("flight").startswith("p:9:19: There is no suite 'flight'. Did you mean flights?")
    assert fault("flights").startswith("p:9:19: suites/flights.yaml:1:")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("engine: dask", "engine"),
        ("workers: 2", "workers"),
    ],
)
def test_what_does_not_exist_yet_is_an_unknown_key(faults_of: Faults, text: str, word: str) -> None:
    [fault] = faults_of(PREPARE + text)

    assert f"'{word}' is not known here" in fault


def test_a_kind_of_reference_that_does_not_exist_is_refused(faults_of: Faults) -> None:
    text = (
        PREPARE
        + "  b:\n    notebook: ../notebooks/train.ipynb\n"
        + "    inputs: {train: dataest:a}\n    outputs: {model: modle:b}\n"
    )

    assert faults_of(text) == [
        "5:21: 'dataest:' is not known here. Did you mean dataset:a? An input is step.output, "
        "dataset:NAME, model:NAME or a file.",
        "6:22: 'modle:' is not known here. Did you mean model:b? An output is a file, dataset:NAME "
        "or model:NAME.",
    ]


def test_every_fault_is_told_at_once_in_the_order_of_the_file(workshop) -> None:
    path = workshop.pipeline(
        "steps:\n"
        "  a: {notebook: ../notebooks/gone.ipynb}\n"
        "  b: {notebook: ../notebooks/train.ipynb, inputs: {train: nobody.x}}\n"
        "gates:\n  - metric: c.auc > 1\n"
    )

    with pytest.raises(InvalidInput) as caught:
        load_spec(path, file="p.yaml")

    lines = [line.split(": ")[0] for line in str(caught.value).splitlines()]
    assert lines == ["p.yaml:2:17", "p.yaml:3:59", "p.yaml:5:13"]
    assert [fault["line"] for fault in caught.value.details["faults"]] == [2, 3, 5]


def test_a_param_the_notebook_does_not_declare_is_a_warning(workshop, faults_of: Faults) -> None:
    text = "steps:\n  a: {notebook: ../notebooks/train.ipynb, params: {sead: 3}}\n"

    assert faults_of(text) == [
        "2:52: warning: The parameters cell of train.ipynb does not declare 'sead'; "
        "it is set all the same. Did you mean seed?"
    ]
    assert load_spec(workshop.pipeline(text)).warnings


def test_a_param_that_nothing_uses_is_a_warning(faults_of: Faults) -> None:
    assert faults_of("params: {sead: 3}\n" + PREPARE) == [
        "1:10: warning: No parameters cell and no gate uses 'sead'. Did you mean seed?"
    ]


def test_types_follow_annotations_strictly_and_defaults_loosely(faults_of: Faults) -> None:
    step = "steps:\n  a: {notebook: ../notebooks/train.ipynb, params: {%s}}\n"

    assert faults_of(step % "rate: 0.5, seed: null") == []
    assert len(faults_of(step % "seed: 0.5")) == 1
    assert len(faults_of(step % "rate: true")) == 1
    assert len(faults_of(step % "kind: 3")) == 1


def test_steps_come_in_the_order_of_the_graph_and_inputs_are_resolved(workshop) -> None:
    (workshop.root / "raw.csv").write_text("a\n")
    path = workshop.pipeline(
        "steps:\n"
        "  train:\n"
        "    notebook: ../notebooks/train.ipynb\n"
        "    inputs: {train: prepare.train}\n"
        "    timeout: 1h30m\n"
        "  prepare:\n"
        "    notebook: ../notebooks/prepare.ipynb\n"
        "    inputs: {raw: ../raw.csv}\n"
        "    outputs: {train: t.csv}\n"
    )

    spec = load_spec(path)

    assert spec.name == "p"
    assert [step.name for step in spec.steps] == ["prepare", "train"]
    assert spec.step("train").inputs == {"train": StepOutput("prepare", "train")}
    assert spec.step("prepare").inputs == {
        "raw": InputFile(workshop.root / "raw.csv", "../raw.csv")
    }
    assert spec.step("train").timeout_s == 5400


@pytest.mark.parametrize(
    ("text", "expected"), [("20m", 1200), ("90s", 90), ("500ms", 0.5), ("1d2h", 93600)]
)
def test_durations_have_units(text: str, expected: float) -> None:
    assert seconds(text) == expected


def test_the_schema_agrees_with_the_reader(workshop, faults_of: Faults) -> None:
    validator = Draft202012Validator(json_schema())
    Draft202012Validator.check_schema(json_schema())

    def valid(text: str) -> bool:
        value = read_document(Path("p"), text=text).value
        return validator.is_valid(json.loads(json.dumps(value)))

    good = (
        "name: x\nparams: {seed: 1}\n" + PREPARE + "gates:\n  - metric: prepare.auc > params.seed\n"
    )
    assert valid(good)
    assert faults_of(good) == []
    everything = (
        FIGHT
        + CHAMPION
        + "  - data: {suite: flights, input: train.train}\n"
        + "  - fairness: {metric: judge.fpr, by: carrier, max_ratio: 1.25, min_count: 300}\n"
        + "  - approval: {role: approver, count: 1}\n"
        + "promote: {model: train.model, alias: champion, replaces: judge.model, against: best}\n"
    )
    assert valid(everything)
    assert faults_of(everything) == []
    for bad in (
        "steps: {}",
        "steps: {a-b: {notebook: x}}",
        PREPARE + "promote: {}",
        PREPARE + "promote:",
        PREPARE + "gates: [{}]",
        PREPARE + "gates: [{metric: prepare.a > 1, approval: {}}]",
        PREPARE + "gates: [{fairness: {metric: prepare.a}}]",
        "steps: {a: {}}",
    ):
        assert not valid(bad)
        assert faults_of(bad)
