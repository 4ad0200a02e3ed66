"""Deployment facts: what differs from machine to machine comes from the environment alone."""

from __future__ import annotations

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Deployment(BaseSettings):
    """Environment variables that begin with ENDCAP_."""

    model_config = SettingsConfigDict(env_prefix="ENDCAP_", frozen=True)

    database_url: SecretStr | None = None
    """Where live events, keys and traces are kept: `postgresql://me:secret@host/shop`, say.
    Where it is not set, in the file live.sqlite of the shop folder."""
