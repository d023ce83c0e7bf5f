"""What an operator can set: frozen dataclasses, one line a setting, read once at start.

To add a setting, add one field to the dataclass of its subject and a sentence to descriptions.yaml, then run
`python scripts/settings_page.py`. The settings of a speech vendor stand in its own file in `sayna/providers/`.
"""

from sayna.config.auth import TENANT, ApiSecret, AuthConfig
from sayna.config.connections import OutboundConfig, OutboundProxy
from sayna.config.fields import ConfigError, setting
from sayna.config.load import Config, load_config, read_sources, settings
from sayna.config.room_settings import LiveKitConfig, RecordingConfig
from sayna.config.server import SpeechConfig
from sayna.config.sip import SipConfig, TenantNumbers
from sayna.config.types import Secret, token
from sayna.config.urls import cloud, is_loopback
from sayna.config.vendors import KeyedConfig, VendorConfig

__all__ = [
    "TENANT",
    "ApiSecret",
    "AuthConfig",
    "Config",
    "ConfigError",
    "KeyedConfig",
    "LiveKitConfig",
    "OutboundConfig",
    "OutboundProxy",
    "RecordingConfig",
    "Secret",
    "SipConfig",
    "SpeechConfig",
    "TenantNumbers",
    "VendorConfig",
    "cloud",
    "is_loopback",
    "load_config",
    "read_sources",
    "setting",
    "settings",
    "token",
]
