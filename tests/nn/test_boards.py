"""What can be seen of a training, in the files that TensorBoard and W&B read."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wandb

from endcap.config import Settings
from endcap.errors import ConfigError
from endcap.nn.boards import Shown
from endcap.nn.loop import train
from endcap.stages import Run
from tests.nn.test_loop import PLAN, Line, closeness, lessons
from tests.shops import catalogue, dataset

SHOWN = Shown(
    settings={"dim": 8, "network": {"heads": 2}, "gap": False},
    weight="line.weight",
    rows=np.array([0]),
    labels={"title": ["Rye bread"], "events": ["7"]},
)


def learn(run: Run) -> None:
    """Four epochs of ten steps."""
    network = Line()
    train(network, lessons(network, 10), closeness, PLAN, run, SHOWN)


def tensorboard(folder: Path) -> Any:
    reading = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    return reading.EventAccumulator(str(folder)).Reload()


def test_curves_by_epoch_and_by_step(tmp_path: Path) -> None:
    learn(Run(curves=tmp_path))
    curves = tensorboard(tmp_path)
    by_epoch = ["judged", "learning_rate", "loss", "seconds"]
    assert sorted(curves.Tags()["scalars"]) == [*by_epoch, "step/gradient_norm", "step/loss"]
    losses = curves.Scalars("loss")
    assert [one.step for one in losses] == [1, 2, 3, 4]
    assert losses[-1].value < losses[0].value
    assert [one.step for one in curves.Scalars("step/loss")] == [10, 20, 30, 40]
    assert curves.Scalars("learning_rate")[0].value == pytest.approx(0.05)


def test_settings_are_shown_with_the_curves_and_not_apart(tmp_path: Path) -> None:
    learn(Run(curves=tmp_path))
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]
    shown = tensorboard(tmp_path)
    text = shown.Tensors("settings/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "| dim | 8 |" in text
    assert "| learning_rate | 0.05 |" in text
    plugin = importlib.import_module("tensorboard.plugins.hparams.metadata")
    content = shown.SummaryMetadata(plugin.SESSION_START_INFO_TAG).plugin_data.content
    values = plugin.parse_session_start_info_plugin_data(content).hparams
    assert values["dim"].number_value == 8
    assert values["network"].string_value == '{"heads": 2}'
    assert plugin.SESSION_END_INFO_TAG in shown.summary_metadata


def test_a_run_that_fails_shows_what_it_had(tmp_path: Path) -> None:
    def stop(step: str, share: float) -> None:
        if "epoch 3" in step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn(Run(curves=tmp_path, report=stop))
    shown = tensorboard(tmp_path)
    assert [one.step for one in shown.Scalars("loss")] == [1, 2]
    plugin = importlib.import_module("tensorboard.plugins.hparams.metadata")
    assert plugin.SESSION_START_INFO_TAG in shown.summary_metadata
    assert plugin.SESSION_END_INFO_TAG not in shown.summary_metadata


def test_a_run_that_begins_anew_takes_back_the_curves_of_the_one_before(tmp_path: Path) -> None:
    for _ in range(2):
        learn(Run(curves=tmp_path))
    steps = [one.step for one in tensorboard(tmp_path).Scalars("step/loss")]
    assert steps == [10, 20, 30, 40]


def test_vectors_for_the_projector(tmp_path: Path) -> None:
    learn(Run(curves=tmp_path))
    assert (tmp_path / "labels.tsv").read_text() == "title\tevents\nRye bread\t7\n"
    assert np.loadtxt(tmp_path / "vectors.tsv").shape == (5,)
    plugin = importlib.import_module("tensorboard.plugins.projector.projector_config_pb2")
    text_format = importlib.import_module("google.protobuf.text_format")
    text = (tmp_path / "projector_config.pbtxt").read_text()
    (vectors,) = text_format.Parse(text, plugin.ProjectorConfig()).embeddings
    assert (tmp_path / vectors.tensor_path).is_file()
    assert (tmp_path / vectors.metadata_path).is_file()


def test_the_items_that_are_shown_are_those_with_most_events(tmp_path: Path) -> None:
    goods = catalogue(3, title=["a\tb", None, "c"])
    shown = Shown.items(Settings(), dataset(tmp_path, [1, 1, 2], [2, 2, 0], goods=goods), "x")
    assert shown.rows.tolist() == [2, 0, 1]
    assert shown.labels["item_id"] == ["i2", "i0", "i1"]
    assert shown.labels["title"] == ["c", "a b", ""]
    assert shown.labels["events"] == ["2", "1", "0"]


def records(file: Path) -> Iterator[Any]:
    """What W&B wrote: records of protobuf, each behind checksum, length and kind."""
    proto = importlib.import_module("wandb.proto.wandb_internal_pb2")
    data = file.read_bytes()[7:]
    while data:
        length = int.from_bytes(data[4:6], "little")
        yield proto.Record.FromString(data[7 : 7 + length])
        data = data[7 + length :]


def test_weights_and_biases_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    learn(Run(curves=tmp_path / "fit" / "stage", project="shop"))
    wandb.teardown()  # as at the end of a program: now all is written
    (file,) = tmp_path.glob("fit/stage/wandb/offline-run-*/run-*.wandb")
    found = [*records(file)]
    runs = [one.run for one in found if one.WhichOneof("record_type") == "run"]
    assert {(run.project, run.run_group, run.display_name) for run in runs} == {
        ("shop", "fit", "stage")
    }
    settings = {one.key: one.value_json for run in runs for one in run.config.update}
    assert settings["dim"] == "8"
    points = [
        {one.nested_key[0]: one.value_json for one in record.history.item} for record in found
    ]
    judged = [(point["epoch"], point["epoch/judged"]) for point in points if "epoch" in point]
    assert [epoch for epoch, _ in judged] == ["1", "2", "3", "4"]
    assert float(judged[-1][1]) > float(judged[0][1])
    assert [point["step"] for point in points if "step" in point] == ["10", "20", "30", "40"]
    (vectors,) = (tmp_path / "fit/stage/wandb").glob("offline-run-*/files/media/table/vectors*")
    assert "Rye bread" in vectors.read_text()


def test_a_project_that_can_not_be_reached_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has logged in here."""
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"track\.wandb = 'shop': .*Run `wandb login`"):
        learn(Run(curves=tmp_path, project="shop"))


def test_wandb_that_is_not_installed_is_told_before_any_work() -> None:
    code = (
        "import sys; sys.modules['wandb'] = None;"  # as if it were not there
        "from endcap.config import parse; from endcap.class_paths import check;"
        "check(parse('[track]\\nwandb = \"shop\"'))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)  # noqa: S603
    assert "track.wandb = 'shop', but wandb is not installed." in run.stderr
    assert "Run `pip install 'endcap[wandb]'`" in run.stderr
