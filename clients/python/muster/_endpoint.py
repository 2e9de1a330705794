"""Where the server is and which token opens it, found in the order of the command line.

The order: argument, environment (MUSTER_URL, MUSTER_TOKEN_FILE, MUSTER_TOKEN), context of the config file, data folder.
A token never leaves this machine in the clear: http is for loopback addresses only.
"""

import importlib
import ipaddress
import os
import pathlib
import re
import stat
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import urlsplit

from ._errors import NotAllowed, Unreachable, UsageError

DEFAULT_PORT = 7420


class Endpoint(NamedTuple):
    scheme: str               # "http" or "https"
    host: str
    port: int
    token: str
    pin: str = ""             # "sha256//...", of the server's key; empty: authorities answer for it
    ca_file: str = ""
    project: str = ""         # empty: the server chooses
    source: str = ""          # for messages: where the address was found

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_url(url: str) -> Tuple[str, str, int, str]:
    """Scheme, host, port and the pin behind the '#'."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORT
    except ValueError as error:
        raise UsageError(f"{url!r} is not the address of a server: {error}", next="it looks like http://127.0.0.1:7420") from None
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or parts.path not in ("", "/") or parts.query or parts.username:
        raise UsageError(f"{url!r} is not the address of a server", next="it looks like http://127.0.0.1:7420 or https://HOST:7420")
    if host == "localhost" and parts.scheme == "http":
        host = "127.0.0.1"
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError(f"http is for this machine only; {url!r} is elsewhere", next="say https://...; muster invite prints it")
    return parts.scheme, host, port, parts.fragment


def _read_line(path: pathlib.Path) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().strip()
    except OSError:
        return ""


def read_token_file(path: str) -> str:
    file = pathlib.Path(path).expanduser()
    try:
        mode = file.stat().st_mode
    except OSError as error:
        raise NotAllowed(f"the token file {file} cannot be read: {error.strerror}") from None
    if stat.S_ISREG(mode) and mode & 0o077:
        raise NotAllowed(f"the token file {file} can be read or changed by others", code="E109", next=f"close it:  chmod 600 {file}")
    token = _read_line(file)
    if not token:
        raise NotAllowed(f"the token file {file} is empty", next="its first line is the token")
    return token


_HEADING = re.compile(r"\[\s*([A-Za-z0-9_.-]+)\s*\]\s*(?:#.*)?")
_SETTING = re.compile(r"""([A-Za-z0-9_-]+)\s*=\s*(?:"([^"\\]*)"|'([^']*)')\s*(?:#.*)?""")


def _read_config(path: pathlib.Path) -> Dict[str, Any]:
    """The config file; without tomllib (before 3.11) the part of TOML that `muster context` writes: headings and texts."""
    try:
        toml: Any = importlib.import_module("tomllib")    # not there before 3.11
    except ImportError:
        return _read_plain_config(path)
    try:
        return dict(toml.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise UsageError(f"{path}: {error}", next="correct the file, or name the server with connect(url)") from None


def _read_plain_config(path: pathlib.Path) -> Dict[str, Any]:
    config: Dict[str, Any] = {}
    table = config
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        heading, setting = _HEADING.fullmatch(line), _SETTING.fullmatch(line)
        if heading:
            table = config
            for name in heading.group(1).split("."):
                table = table.setdefault(name, {})
        elif setting:
            table[setting.group(1)] = setting.group(2) if setting.group(2) is not None else setting.group(3)
        else:
            raise UsageError(f"line {number} of {path} is more than this Python can read without tomllib",
                             next="use Python 3.11, or name the server with connect(url)")
    return config


def _find_context(name: str, environment: Mapping[str, str]) -> Optional[Dict[str, str]]:
    base = environment.get("XDG_CONFIG_HOME") or os.path.join(environment.get("HOME", ""), ".config")
    path = pathlib.Path(base) / "muster" / "config.toml"
    if not path.is_file():
        if name:
            raise UsageError(f"there is no context {name!r}: there is no {path}")
        return None
    config = _read_config(path)
    wanted = name or config.get("current", "")
    if not wanted:
        return None
    found = config.get("contexts", {}).get(wanted)
    if not isinstance(found, dict):
        raise UsageError(f"there is no context {wanted!r} in {path}")
    return {key: str(value) for key, value in found.items()}


def _data_folder(data: str, environment: Mapping[str, str]) -> str:
    if data:
        return data
    if environment.get("MUSTER_DATA"):
        return environment["MUSTER_DATA"]
    if environment.get("XDG_DATA_HOME"):
        return os.path.join(environment["XDG_DATA_HOME"], "muster")
    return os.path.join(environment["HOME"], ".local/share/muster") if environment.get("HOME") else ""


def _url_of_folder(folder: str, source: str) -> str:
    url = _read_line(pathlib.Path(folder) / "server.url") if folder else ""
    if not url:
        raise Unreachable(f"no server was found ({source})", code="E101",
                          next="start one:  muster up -d          name another:  muster.connect('http://127.0.0.1:7420')")
    return url


def find_endpoint(url: str = "", *, context: str = "", data: str = "", token: str = "", token_file: str = "", pin: str = "",
                  ca_file: str = "", project: str = "", environment: Optional[Mapping[str, str]] = None) -> Endpoint:
    env = os.environ if environment is None else environment
    folder = _data_folder(data, env)
    settings: Dict[str, str] = {}
    if url:
        source = "the url given"
    elif data:
        source = f"data folder {folder}"
        url = _url_of_folder(folder, source)
    elif not context and env.get("MUSTER_URL"):
        url, source = env["MUSTER_URL"], "MUSTER_URL"
    else:
        found = _find_context(context or env.get("MUSTER_CONTEXT", ""), env)
        if found is not None:
            settings = found
            folder = os.path.expanduser(found.get("data", "")) or folder
            source = "a context of the config file"
            url = found.get("url", "") or _url_of_folder(folder, source)
        else:
            source = f"data folder {folder}"
            url = _url_of_folder(folder, source)
    scheme, host, port, own_pin = parse_url(url)
    if not token:
        token = _find_token(token_file, settings, folder, (host, port), env)
    return Endpoint(scheme, host, port, token, pin=pin or own_pin or settings.get("pin", ""),
                    ca_file=ca_file or os.path.expanduser(settings.get("ca_file", "")),
                    project=project or env.get("MUSTER_PROJECT", ""), source=source)


def _find_token(token_file: str, settings: Mapping[str, str], folder: str, address: Tuple[str, int], env: Mapping[str, str]) -> str:
    if token_file:
        return read_token_file(token_file)
    if env.get("MUSTER_TOKEN_FILE"):
        return read_token_file(env["MUSTER_TOKEN_FILE"])
    if env.get("MUSTER_TOKEN"):
        return env["MUSTER_TOKEN"]
    if settings.get("token_file"):
        return read_token_file(settings["token_file"])
    file = os.path.join(folder, "admin.token") if folder else ""
    if file and os.path.exists(file) and _opens(folder, address):
        return read_token_file(file)
    raise NotAllowed("no token was found for this server", code="E106",
                     next="name one with connect(token_file=...) or MUSTER_TOKEN_FILE, or the data folder with connect(data=...)")


def _opens(folder: str, address: Tuple[str, int]) -> bool:
    """A server elsewhere is not handed what opens the one of this folder."""
    if is_loopback(address[0]):
        return True
    line = _read_line(pathlib.Path(folder) / "server.url")
    try:
        return bool(line) and parse_url(line)[1:3] == address
    except UsageError:
        return False
