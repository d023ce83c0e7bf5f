"""What an operator can set: frozen dataclasses, one line a setting, read once at start.

To add a setting, add one field to the dataclass of its subject, then run `python -m sayna.config`.
"""

from sayna.config.api_secret import TENANT, ApiSecret
from sayna.config.auth import AuthConfig
from sayna.config.fields import ConfigError, SettingInfo
from sayna.config.livekit import LiveKitConfig
from sayna.config.load import Config, load_config, settings
from sayna.config.outbound import Authorities, OutboundConfig
from sayna.config.providers import SLUGS, EspeakConfig, PiperConfig, PollyConfig, ProvidersConfig
from sayna.config.recording import RecordingConfig
from sayna.config.secret import Secret
from sayna.config.server import CacheConfig, DocsConfig, ServerConfig, SpeechConfig
from sayna.config.sip import SipConfig
from sayna.config.sip_hook import SipHook
from sayna.config.sip_numbers import TenantNumbers
from sayna.config.urls import is_loopback
from sayna.config.vendors import (
    AzureConfig,
    CartesiaConfig,
    DeepgramConfig,
    ElevenLabsConfig,
    GoogleConfig,
    OpenAIConfig,
)

__all__ = [
    "SLUGS",
    "TENANT",
    "ApiSecret",
    "AuthConfig",
    "Authorities",
    "AzureConfig",
    "CacheConfig",
    "CartesiaConfig",
    "Config",
    "ConfigError",
    "DeepgramConfig",
    "DocsConfig",
    "ElevenLabsConfig",
    "EspeakConfig",
    "GoogleConfig",
    "LiveKitConfig",
    "OpenAIConfig",
    "OutboundConfig",
    "PiperConfig",
    "PollyConfig",
    "ProvidersConfig",
    "RecordingConfig",
    "Secret",
    "ServerConfig",
    "SettingInfo",
    "SipConfig",
    "SipHook",
    "SpeechConfig",
    "TenantNumbers",
    "is_loopback",
    "load_config",
    "settings",
]
