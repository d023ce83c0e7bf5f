"""What an operator can set: frozen dataclasses, one line a setting, read once at start.

To add a setting, add one field to the dataclass of its subject, then run `python -m sayna.config`.
"""

from .auth import TENANT, ApiSecret, AuthConfig
from .livekit import LiveKitConfig
from .load import Config, load_config, settings
from .outbound import Authorities, OutboundConfig
from .providers import SLUGS, EspeakConfig, PiperConfig, PollyConfig, ProvidersConfig
from .recording import RecordingConfig
from .secret import Secret
from .server import CacheConfig, DocsConfig, ServerConfig, SpeechConfig
from .setting import ConfigError, SettingInfo
from .sip import SipConfig
from .sip_hook import SipHook
from .sip_numbers import TenantNumbers
from .urls import is_loopback
from .vendors import AzureConfig, CartesiaConfig, DeepgramConfig, ElevenLabsConfig, GoogleConfig, OpenAIConfig

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
