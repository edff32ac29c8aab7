"""The JSON Schema of the file, for editors: it takes what a person writes, variables included."""

from collections.abc import Mapping

from audsync.config.model import Config
from audsync.config.values import Json

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_VARIABLE: Json = {"type": "string", "pattern": r"\$\{[A-Za-z_]"}
_NOTHING: Json = {"type": "null"}
_NOTES = ("description", "default")
_NAMED = {"properties", "patternProperties", "$defs"}
_SINGLE = {"items", "additionalProperties"}
_LISTED = {"anyOf", "oneOf"}


def json_schema() -> Json:
    """The schema of `audsync.yaml`, with a description of every key."""
    schema = _as_written(Config.model_json_schema())
    return {"$schema": DIALECT, "title": "audsync configuration", **schema}


def _as_written(schema: Json) -> Json:
    """From what the models hold to what may stand in the file."""
    schema = {key: value for key, value in schema.items() if key not in {"title", "discriminator"}}
    for key in _NAMED & schema.keys():
        schema[key] = {name: _as_written(each) for name, each in schema[key].items()}
    for key in _LISTED & schema.keys():
        # A variable may stand for several alternatives, so `oneOf` would be too strict.
        schema["anyOf"] = [_as_written(each) for each in schema.pop(key)]
    for key in _SINGLE & schema.keys():
        if isinstance(schema[key], dict):
            schema[key] = _as_written(schema[key])
    if "patternProperties" in schema:
        schema["additionalProperties"] = False
    return _section(schema) if "properties" in schema else _scalar(schema)


def _section(schema: Json) -> Json:
    """Make the key that picks the alternative required, and let the others stand empty."""
    properties: Json = schema["properties"]
    tags = [name for name, each in properties.items() if "const" in each]
    required = list(dict.fromkeys([*tags, *schema.get("required", ())]))
    written = {
        name: each if name in required else _or(each, _NOTHING) for name, each in properties.items()
    }
    return {**schema, "properties": written} | ({"required": required} if required else {})


def _scalar(schema: Json) -> Json:
    """Let a variable stand for a scalar, and a number for text."""
    if "const" in schema:
        return schema
    if schema.get("type") == "string" and not {"enum", "pattern"} & schema.keys():
        return {**schema, "type": ["string", "number"]}
    is_narrow = "enum" in schema or "pattern" in schema
    if is_narrow or schema.get("type") in ("integer", "number", "boolean"):
        return _or(schema, _VARIABLE)
    return schema


def _or(schema: Mapping[str, object], other: Json) -> Json:
    """Either of both; what a person reads stays outside."""
    notes = {key: value for key, value in schema.items() if key in _NOTES}
    rest = {key: value for key, value in schema.items() if key not in _NOTES}
    inner = rest["anyOf"] if rest.keys() == {"anyOf"} else [rest]
    either = [*inner] if isinstance(inner, list) else [rest]
    return {**notes, "anyOf": either if other in either else [*either, other]}
