"""The help of `fit`, `test` and `predict` on one screen: what is changed first, and where the rest stands."""

from __future__ import annotations

import textwrap

from jsonargparse import ArgumentParser

from physgen.cli.verbs import VERBS

#: columns of a terminal that are taken
WIDTH = 80
ENTRY = {
    "ENTRY": "pretrained entry, run folder or checkpoint",
    "--at omega=0.37": "of a family the member of this frequency",
}
RUN = {
    "--run_folder": "folder; numbered, below runs/, unless given",
    "--trainer.accelerator": "cpu, gpu or mps",
    "--threads": "CPU threads, 1 unless given",
}
DRAWS = {"--evaluation.samples": "configurations that are drawn at the end", "--evaluation.seed": "seed of these draws"}
EVALUATION = {
    **DRAWS,
    "--evaluation.until_error": "go on until the error is this",
    "--dmc": "diffusion Monte Carlo after the evaluation",
    "--evaluation.anneal": "bridging temperatures on top of a density",
    "--figures": "whether figures are drawn",
}
#: options that are changed first, and what they mean
SHOWN = {
    "fit": {
        "--config FILE": "YAML file of options, such as `list configs` shows",
        "--model NAME": "what learns: `list models`",
        "--model.help NAME": "the options of a model, such as --model.hidden",
        "--model.system NAME": "what is simulated: `list systems`",
        "--model.system.help NAME": "those of a system, such as --model.system.n",
        "--data FILE.npz or NAME": "samples to learn from: a file, an entry, a name",
        "--model.sampler NAME": "what draws for a wavefunction: `list samplers`",
        "--optimizer NAME": "instead of the model's own: AdamW, Spring, ...",
        "--trainer.max_epochs": "epochs of --model.steps_per_epoch iterations",
        "--trainer.logger NAME": "logger beside ours: CSVLogger, TensorBoardLogger",
        "--trainer.callbacks": "callbacks of Lightning or your own",
        "--seed_everything": "seed of all draws",
        "--warm_start": "entry or run whose weights it starts from",
        "--ckpt_path": "checkpoint to go on from",
        "--wandb": "Weights & Biases: auto, online, offline, off",
        **RUN,
        **EVALUATION,
        "--print_config": "show all values and stop",
    },
    "test": {**ENTRY, **EVALUATION, **RUN},
    "predict": {**ENTRY, "--output": "file; samples.npz of the run folder unless given", **DRAWS, **RUN},
}


def short_help(verb: str, parser: ArgumentParser) -> str:
    """Return the help of a verb on one screen, with the values that its parser takes unless they are given."""
    defaults = parser.get_defaults(skip_validation=True)
    rows = []
    for name, meaning in SHOWN[verb].items():
        value = defaults.get(name.removeprefix("--"))
        told = "" if value is None or name == "--dmc" else f" ({str(value).lower()})"
        rows.append(f"  {name:25} {meaning}{told}")
    usage = f"usage: python -m physgen {verb} {'' if verb == 'fit' else 'ENTRY '}[options]"
    more = "--help all shows every option. Values in brackets are taken unless given."
    return "\n".join([usage, "", *textwrap.wrap(f"{verb}: {VERBS[verb][1]}.", WIDTH), "", *rows, "", more])
