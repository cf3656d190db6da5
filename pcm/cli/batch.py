"""``pcm batch``: answer the requests of an OpenAI Batch file, as ``vllm run-batch`` does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pcm.cli.verbs import AsJson, Dashboard, Engine, Listen, PasswordFile, Ssl, Workers, verb

DEFAULT_MAX_TOKENS = 256

Template = Literal["model", "plain"]


@verb
def command(
    *,
    input_file: Annotated[
        Path, typer.Option("-i", "--input-file", help="Requests, one JSON object per line.")
    ],
    output_file: Annotated[Path, typer.Option("-o", "--output-file", help="For the answers.")],
    model: Annotated[str, typer.Option(help="A directory in Hugging Face layout, or a hub id.")],
    error_file: Annotated[
        Path | None, typer.Option(help="For failed requests; else they stand among the answers.")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Of a hub id.")] = None,
    dtype: Annotated[str, typer.Option(help="float32, bfloat16, float16 or auto.")] = "auto",
    gpus: Annotated[
        int, typer.Option(min=1, help="Split the model over so many GPUs of a worker.")
    ] = 1,
    max_tokens: Annotated[
        int, typer.Option(min=1, help="For chat requests that name no limit.")
    ] = DEFAULT_MAX_TOKENS,
    template: Annotated[
        Template, typer.Option("--chat-template", help="For models without one: plain.")
    ] = "model",
    engine: Engine = None,
    workers: Workers = None,
    listen: Listen = None,
    password_file: PasswordFile = None,
    ssl: Ssl = False,
    dashboard: Dashboard = None,
    directory: Annotated[
        Path | None, typer.Option(help="The run's directory; else OUTPUT_FILE.run")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Answer the requests of an OpenAI Batch file. The same command again resumes."""
    from itertools import chain, islice

    import msgspec

    import pcm
    from pcm.cli.choice import chosen, given_options
    from pcm.cli.conduct import carry_out
    from pcm.cli.openai_task import answer, cost
    from pcm.cli.served import wish
    from pcm.cli.shared_opening import CHATS_SEEN, shared_opening
    from pcm.formats import OpenAIBatch, check_outputs, read_requests
    from pcm.runfile.plan import check_directory

    wished = wish(dashboard)
    choice = chosen(engine, given_options(listen, password_file, ssl))
    model_of = pcm.language_model
    if gpus > 1:
        model_of = pcm.context(gpus=gpus)(model_of)
        choice.engine_options["gpus_per_worker"] = gpus
    requests = read_requests(input_file)  # checks the whole file, then reads it as a stream
    first = list(islice(requests, CHATS_SEEN))
    opening = shared_opening(one.messages for one in first if one.messages is not None)
    context = model_of(model, revision=revision, dtype=dtype)
    where = (directory or output_file.with_name(output_file.name + ".run")).absolute()
    output = OpenAIBatch(
        str(output_file.absolute()),
        None if error_file is None else str(error_file.absolute()),
        model=model,
    )
    check_directory(where)
    check_outputs([output], where)
    return carry_out(
        choice,
        workers,
        where,
        lambda manager: manager.map(
            answer.bind(max_tokens=max_tokens, template=template, opening=opening),
            (msgspec.to_builtins(request) for request in chain(first, requests)),
            context=context,
            key="custom_id",
            directory=where,
            cost=lambda request: cost(request, max_tokens),
            outputs=[output],
            name=input_file.name,
            failure_limit=None,  # every request gets its answer or its own error
        ),
        dashboard=wished,
        as_json=as_json,
    )
