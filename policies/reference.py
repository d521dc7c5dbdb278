"""docs/policies.md, generated from the rules: `python -m policies.reference` writes it, a test fails when it drifts."""

from collections import Counter
from pathlib import Path

from policies.catalog import RULES
from policies.pack import NAME
from policies.rule import AnyRule, Parameter, StackRule

DOC = Path("docs/policies.md")

_HEAD = """\
# Policies

Generated from `policies/` by `python -m policies.reference`; a test keeps it true.

The policy pack `{name}` has {count} rules: {mandatory} refuse the update, {advisory} are told. `make preview` and `make up` use it;
`make up` previews first, so that what is refused has not been created. For any other stack with a registry in it:

```
git clone <this repository> private-registry
(cd private-registry && python3 -m offline venv)    # makes .venv, which the pack runs in
pulumi preview --policy-pack private-registry/policies
```

Rules read what containers really get: uploaded files (nginx and registry configurations are parsed; files from disk too), environment,
ports, mounts. What lies on a host or inside an image is not seen. On a fleet of VMs containers are no resources: there the rules read the
bundle that the stack uploads for its hosts (a tar.gz with a compose file, `policies/fleet_archive.py`) and the certificate and accounts in
the hosts' secret, and what they say is said about that object or secret.

A value that is not known during a preview makes a rule undecided: the advisory policy `undecided` says so in one line a resource, with the
rules and what they wait for, and the rules decide when the update runs. Rules on the whole stack (type "stack" below) run at the end of
the preview, after every resource rule.

## Levels, parameters, exemptions

Pulumi's policy config, one entry a rule. `make` takes `Policies.<stack>.json` beside the stack file; otherwise `--policy-pack-config FILE`.

```json
{{
  "container-memory-limit": "disabled",
  "certificate-file-sound": {{"enforcementLevel": "advisory", "maximumDays": 398}},
  "registry-port-not-published": {{
    "exemptions": [{{"resource": "debug-*", "reason": "only reachable over the VPN; ticket 4711"}}]
  }},
  "undecided": "mandatory"
}}
```

`resource` is a name or URN, `*` stands for anything. An exemption without a reason is refused. What is exempted is still shown at every
preview, as advisory `exempted` (`stack-exempted` for rules on the stack), with the reason. `undecided` and `stack-undecided` can be
disabled, or made mandatory where nothing may go unseen.

## Adding a rule

1. Take the module that it belongs to in `policies/registry`, `containers`, `stacks`, `aws` or `azure`, or write a new one of one concept.
2. Write `check(resource, parameters)`: read `resource.props`, a `View` (`text`, `flag`, `number`, `views`, `texts`, `json`).
3. Yield a `Finding` for each violation: property, what it is, never a secret's value. Unknown values need no code: reading one makes the
   rule undecided. For a list, `each(items, check)` lets the other items be seen.
4. Make the `Rule`: id in kebab-case, title (what is wanted), why, fix (an instruction), types, level if it is not mandatory, parameters.
5. For a rule on how resources go together, a `StackRule`: its check gets the `Stack`, `about(resource, ...)` says whom a result is about.
6. Add it to `RULES` of its module; a new module also to `RULES` in the folder's `__init__.py`.
7. Write its `Cases` in `tests/policies/cases`: compliant, violating, default and unknown. Put `CANARY` into every secret.
8. `pytest tests/policies`: it runs the cases, and sees to it that they notice a rule that is switched off, always complains or is blind.
9. `python -m policies.reference`, and read what it says about your rule.
"""

_GROUPS = {
    "registry": "Registry and edge",
    "containers": "Containers",
    "stacks": "The stack as a whole",
    "aws": "AWS",
    "azure": "Azure",
}
_TABLE = "| rule | level | looks at | why | fix |\n|---|---|---|---|---|\n"


def _group(rule: AnyRule) -> str:
    """The folder that its check is written in."""
    return rule.check.__module__.split(".")[1]


def _parameter(name: str, parameter: Parameter) -> str:
    default = parameter.default
    shown = ", ".join(default) if isinstance(default, tuple) else str(default).lower() if isinstance(default, bool) else str(default)
    return f"`{name}` ({shown or 'none'}): {parameter.description}"


def _looks_at(rule: AnyRule) -> str:
    types = ", ".join(f"`{kind}`" for kind in rule.types)
    return f"stack: {types}" if isinstance(rule, StackRule) else types


def _row(rule: AnyRule) -> str:
    parameters = "".join(f"<br>{_parameter(name, parameter)}" for name, parameter in rule.parameters.items())
    cells = (f"**`{rule.id}`**<br>{rule.title}{parameters}", rule.level.value, _looks_at(rule), rule.why, rule.fix)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |\n"


def markdown() -> str:
    """The whole page."""
    levels = Counter(rule.level.value for rule in RULES)
    parts = [_HEAD.format(name=NAME, count=len(RULES), mandatory=levels["mandatory"], advisory=levels["advisory"])]
    for group, title in _GROUPS.items():
        rows = "".join(_row(rule) for rule in RULES if _group(rule) == group)
        if rows:
            parts.append(f"\n## {title}\n\n{_TABLE}{rows}")
    return "".join(parts)


def main() -> None:
    """Writes the page."""
    DOC.write_text(markdown(), encoding="utf-8")


if __name__ == "__main__":
    main()
