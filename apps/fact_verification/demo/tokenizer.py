"""The demonstration model's tokenizer: byte-level BPE, so that any text can be written in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

VOCABULARY_SIZE = 2048
CONTEXT_TOKENS = 1024
END, PAD = "<|end|>", "<|pad|>"

_CHAT_TEMPLATE = """\
{%- if messages[0].role == 'system' -%}{{ messages[0].content }}{%- else -%}
{{ HEAD }}{%- endif -%}
{%- for message in messages -%}
{%- if message.role == 'user' -%}{{ CLAIM + message.content + VERDICT }}
{%- elif message.role == 'assistant' -%}{{ ' ' + message.content }}{%- endif -%}
{%- endfor -%}"""


def chat_template(prompt: str) -> str:
    """A Jinja template by which a user message is a claim and an assistant message its verdict.

    The text is that of ``prompt``; a system message takes the place of its instruction.
    """
    before, verdict = prompt.split("{claim}")
    head, claim = before.rsplit("\n\n", 1)
    parts = {"HEAD": head, "CLAIM": f"\n\n{claim}", "VERDICT": verdict}
    template = _CHAT_TEMPLATE
    for name, text in parts.items():
        template = template.replace(name, repr(text))
    return template


def train_tokenizer(texts: Iterable[str], prompt: str) -> Any:
    """A ``PreTrainedTokenizerFast`` whose merges are learnt from ``texts``; no special tokens are
    added when it encodes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=[END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        model_max_length=CONTEXT_TOKENS,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = chat_template(prompt)
    return fast
