"""Imports PyTorch models; a model that is certainly unchanged comes from the cache."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ..api.source import TorchSource
from ..cache.store import Store
from ..support.needs import require_torch
from ..support.warning import recorded_warnings, warn_user
from .runner import StageRunner

if TYPE_CHECKING:
    from ..frontends.common.imported import ImportedModel

__all__ = ["import_torch"]


def import_torch(source: TorchSource, runner: StageRunner, store: Store | None) -> ImportedModel:
    """Return the imported model, with a verified module in readable form.

    Args:
        source: the model, its inputs and its loss.
        runner: verifies the module.
        store: the cache; None to import in any case.

    Raises:
        ArgumentError, IndexRangeError, UnsupportedOpsError, CompileError: see `compile`.
    """
    # PyTorch takes a second to import, and its exporter another one.
    require_torch("importing a PyTorch model")
    from ..cache.imports import import_key, read_import, write_import
    from ..frontends.torch.identity.model import identity_of
    from ..frontends.torch.parameters import declared_values

    identity = identity_of(source)[0] if store else None
    key = identity and import_key(identity)
    if store and key and (cached := read_import(store, key, lambda: declared_values(source.model, source.loss))):
        model, warnings = cached
        for message in warnings:
            warn_user(message)
        return model

    with recorded_warnings() as warnings:
        from ..frontends.torch.importer import import_model

        model = import_model(
            source.model,
            source.inputs,
            source.loss,
            kwargs=source.kwargs,
            target_example=source.example_target,
            check_loss=source.on_nan != "ignore",
        )
    model = dataclasses.replace(model, ir=runner.verify_import(model.ir))
    if store and key:
        write_import(store, key, model, declared_values(source.model, source.loss), warnings)
    return model
