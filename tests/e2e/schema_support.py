"""The published schemas of docs/reference/schemas: checking documents against them, and growing them from documents.

MUSTER_UPDATE_SCHEMAS=1 adds to the files what the documents of the tests have and the files lack; nothing is ever taken away, because
a schema only grows. The difference is then reviewed like code.
"""

import json
import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "docs/reference/schemas"
UPDATE = os.environ.get("MUSTER_UPDATE_SCHEMAS") == "1"
# Objects whose members are names that people chose.
MAPS = {"env", "labels", "roles", "on", "offers", "secrets", "use"}
MAPS_OF = {"failures": {"workers"}}
REALS = re.compile(r"_(s|mb)$|^(price|cost)$")


def schemas_in_sources():
    """Names of all documents that the program can write: {"batch", "batches", …}."""
    found = set()
    for path in (ROOT / "src").rglob("*"):
        if path.suffix in (".cpp", ".h") and not path.name.endswith("_test.cpp"):
            found |= set(re.findall(r"muster\.([a-z-]+)/1", path.read_text()))
    return found


def nullable_names():
    found = {"exit_code", "signal", "next", "most", "kind"}
    for path in (ROOT / "src").rglob("*.cpp"):
        found |= set(re.findall(r'key\("(\w+)"\)\s*\.(?:text_or_null|time|seconds_or_null|number_or_null)\(', path.read_text()))
    return found


def file_of(name):
    return FOLDER / f"{name}.json"


def load(name):
    return json.loads(file_of(name).read_text())


def undescribed(schema, value, place=""):
    """Members of the document that the schema does not name."""
    if isinstance(value, dict) and "properties" in schema:
        found = [f"{place}.{key}" for key in value if key not in schema["properties"]]
        for key in value.keys() & schema["properties"].keys():
            found += undescribed(schema["properties"][key], value[key], f"{place}.{key}")
        return found
    if isinstance(value, list) and "items" in schema:
        return [one for item in value for one in undescribed(schema["items"], item, place + "[]")]
    return []


def check(document, validator):
    name = re.fullmatch(r"muster\.([a-z-]+)/1", document["schema"]).group(1)
    if UPDATE:
        grow(name, document)
    schema = load(name)
    errors = [f"{name}{error.json_path}: {error.message}"[:300] for error in validator(schema).iter_errors(document)]
    errors += [f"{name}{place} is in the document and not in the schema" for place in undescribed(schema, document)]
    return errors


# ---- growing ---------------------------------------------------------------------------------------------------------


def grow(name, document):
    FOLDER.mkdir(parents=True, exist_ok=True)
    fresh = not file_of(name).exists()
    schema = {} if fresh else load(name)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"muster.{name}/1"}
    merged = merged_with(schema, document, nullable_names(), MAPS | MAPS_OF.get(name, set()), fresh=fresh)
    merged["properties"]["schema"] = {"const": f"muster.{name}/1"}
    order = ("$schema", "$id", "description", "type", "properties", "required", "additionalProperties", "items")
    merged = {**head, **merged}
    file_of(name).write_text(json.dumps({key: merged[key] for key in order if key in merged}, indent=1) + "\n")


def type_name(key, value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number" if isinstance(value, float) or REALS.search(key) else "integer"
    return {str: "string", list: "array", dict: "object"}[type(value)]


def merged_with(schema, value, nullable, maps, key="", fresh=False):
    schema, known = dict(schema), bool(schema)
    types = schema.get("type", [])
    types = set(types if isinstance(types, list) else [types])
    types.add(type_name(key, value))
    if "number" in types:
        types.discard("integer")
    if key in nullable and not known:
        types.add("null")
    schema["type"] = sorted(types - {"null"}) + (["null"] if "null" in types else [])
    if len(schema["type"]) == 1:
        schema["type"] = schema["type"][0]
    if isinstance(value, dict) and key in maps:
        for item in value.values():
            schema["additionalProperties"] = merged_with(schema.get("additionalProperties", {}), item, set(), maps)
    elif isinstance(value, dict):
        new = fresh or "properties" not in schema
        properties = dict(schema.get("properties", {}))
        for name, item in value.items():
            properties[name] = merged_with(properties.get(name, {}), item, nullable, maps, name)
        schema["properties"] = properties
        required = set(value) if new else set(schema.get("required", [])) & set(value)
        schema["required"] = [name for name in properties if name in required]
    elif isinstance(value, list):
        for item in value:
            schema["items"] = merged_with(schema.get("items", {}), item, nullable, maps, key)
    return schema
