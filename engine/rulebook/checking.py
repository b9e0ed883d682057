"""What the shape of a rule cannot show: the catalogue, the owners, the other rules; and the rule, compiled."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from engine.catalogue import AssetType, Catalogue
from engine.errors import Problem
from engine.rulebook.definitions import Over, Owner, Rule, RuleDefinition, version_of
from engine.rulebook.drafts import OWNERS, Derivation, Draft, Drafts
from engine.rulebook.expressions import Context, ExpressionError, parse_expression, parse_quantity
from engine.rulebook.language import (
    And,
    Attribute,
    Constant,
    Literal,
    Node,
    Not,
    Quantity,
    Scope,
    Tally,
    TextIs,
    Together,
    Truth,
    children,
    rules_of,
    walk,
)
from engine.rulebook.locating import flaws
from engine.rulebook.naming import nearest
from engine.rulebook.schedules import at_work
from engine.rulebook.syntax import KEYWORDS
from engine.rulebook.wanting import Wanting

_PLACES = AssetType.model_validate({"about": {"fr": "lieu", "en": "place"}, "source": "ours"})
_RANK = {"zone": 0, "commune": 1, "territory": 2}
_TAKEN = frozenset({*KEYWORDS, "in", "true", "false", "public_holiday", "school_holiday", "sun_elevation"})
_FIXED = (Constant, TextIs, Literal, Attribute)
_OF_ASSETS = frozenset({Scope.PARENT, Scope.CHILDREN, Scope.SIBLINGS})


@dataclass(slots=True)
class Compiled:
    """The conditions of a draft, and what it wants."""

    own: Truth
    together: bool
    when: Truth
    clear_when: Truth | None
    schedule: Truth | None
    looks_at: tuple[str, ...]
    value: float | Quantity | None = None


class Checker:
    """Looks at each draft in turn, keeps its trees, and makes rules of those without a problem."""

    def __init__(self, catalogue: Catalogue, owners: Mapping[str, Owner], drafts: Drafts) -> None:
        self._types = catalogue.types
        self._owners = owners
        self._lost = drafts.lost
        self._derived = drafts.derived
        self._first: dict[str, Draft] = {}
        for draft in drafts.rules:
            self._first.setdefault(draft.id, draft)
        self._kinds = {name: self._kind(draft) for name, draft in self._first.items()}
        self.names = _names(drafts)
        self._authored = {draft.name: draft for draft in reversed(drafts.rules)}
        self._contexts: dict[tuple[str, str], Context] = {}
        self._compiled: dict[Draft, Compiled] = {}

    def rule(self, draft: Draft) -> Rule:
        """The compiled rule of a draft that has no problem."""
        definition, found = draft.definition, self._compiled[draft]
        assert definition is not None  # noqa: S101 - a draft without a definition left a problem behind
        value = Literal(found.value) if isinstance(found.value, float) else found.value
        version = version_of(definition, (found.when, found.clear_when, found.schedule, value))
        over = self.names[definition.over.rule] if definition.over else ()
        return Rule(definition, found.when, found.clear_when, found.schedule, found.value, version, over)

    def looks_at(self, draft: Draft) -> tuple[str, ...]:
        """The ids of the rules a draft looks at."""
        return self._compiled[draft].looks_at if draft in self._compiled else ()

    def over(self, draft: Draft) -> tuple[str, ...]:
        """The ids of the rules that keep a draft quiet."""
        definition = draft.definition
        return self.names.get(definition.over.rule, ()) if definition and definition.over else ()

    def derivation(self, item: Derivation, seen: set[tuple[str, str]]) -> Iterator[Problem]:
        """What is wrong with a derived quantity itself; `seen` are those before it, by type and name."""
        kind, name, document = item.derived.type, item.name, item.document
        found = self._types.get(kind)
        if found is None:
            what = f"{kind!r} is not an asset type of the catalogue"
            yield document.problem(("type",), what, nearest(kind, self._types), "name")
            return
        if (kind, name) in seen:
            what = f"the quantity {name!r} of {kind} is derived twice"
            yield document.problem((), what, "give one of the two another name", "duplicate")
        seen.add((kind, name))
        if name in found.properties or name in _TAKEN or not name.isidentifier():
            what = f"{name!r} is taken, or no name" if not name.isidentifier() else f"{name!r} is taken"
            yield document.problem((), what, "give the quantity a name of its own, as heat_loss", "name")
            return
        try:
            parse_quantity(item.derived.is_, self._context("asset", kind, found), None)
        except ExpressionError as error:
            yield from flaws(Draft(document, name), ("is",), item.derived.is_, error)

    def problems(self, draft: Draft) -> Iterator[Problem]:
        """Everything that is wrong with a draft, but for its shape. Rows of a table come in order."""
        yield from self._duplicate(draft)
        yield from self._conditions(draft)
        definition = draft.definition
        if definition is None:
            return
        if definition.owner not in self._owners:
            what = f"{definition.owner!r} is not an owner of {OWNERS}"
            yield draft.problem(("owner",), what, nearest(definition.owner, self._owners), "owner")
        for key, over in (("silenced_by", definition.silenced_by), ("blocked_by", definition.blocked_by)):
            if over is not None:
                yield from self._over(draft, key, over)
        yield from self._reach(draft, definition)
        yield from self._want(draft, definition)

    # names

    def _duplicate(self, draft: Draft) -> Iterator[Problem]:
        first = self._authored[draft.name]
        if draft.name and first.origin != draft.origin:
            line, _ = first.document.places.get(("id",), (1, 1))
            what = f"the rule {draft.name!r} stands twice, first at {first.document.source}:{line}"
            yield draft.problem(("id",), what, "give one of the two another id", "duplicate")
        fact = draft.definition.then.fact if draft.definition else None
        other = self._authored.get(fact) if fact else None
        if fact and other is not None and other.name != draft.name:
            what = f"the fact {fact!r} has the name of another rule"
            yield draft.problem(("then", "fact"), what, "rules are found by either: choose another name", "duplicate")

    def _subject(self, draft: Draft) -> tuple[str, str, AssetType] | None:
        """Kind of subject, its type, and what the catalogue says of it; None where there is none."""
        scope = draft.raw.get("for_each")
        scope = scope if isinstance(scope, dict) else {}
        each, kind = scope.get("each"), scope.get("type")
        if isinstance(each, str) and each in _RANK:
            return None if "type" in scope else (each, each, _PLACES)
        found = self._types.get(kind) if isinstance(kind, str) else None
        return None if found is None else ("asset", str(kind), found)

    def _context(self, subject: str, kind: str, found: AssetType) -> Context:
        key = (kind, subject)
        if key not in self._contexts:
            found_here = self._derived.get(kind, {}) if subject == "asset" else {}
            derived = {name: text for name, text in found_here.items() if name not in found.properties}
            self._contexts[key] = Context(found.properties, found.points, derived, self.names, subject)
        return self._contexts[key]

    # conditions

    def _conditions(self, draft: Draft) -> Iterator[Problem]:
        subject = self._subject(draft)
        if subject is None:
            scope = draft.raw.get("for_each")
            name = scope.get("type") if isinstance(scope, dict) else None
            if isinstance(name, str) and name not in self._types:
                what = f"{name!r} is not an asset type of the catalogue"
                yield draft.problem(("for_each", "type"), what, nearest(name, self._types), "name")
            return
        context = self._context(*subject)
        trees: dict[str, Truth] = {}
        for key in ("when", "clear_when"):
            if isinstance(text := draft.raw.get(key), str):
                try:
                    trees[key] = parse_expression(text, context)
                except ExpressionError as error:
                    yield from flaws(draft, (key,), text, error)
        entry = draft.definition.schedule if draft.definition else None
        found: list[Problem] = []
        schedule = at_work(draft, entry, found) if entry else None
        yield from found
        if "when" in trees:
            yield from self._when(draft, trees["when"])
            above = [self._compiled[row] for row in draft.above if row in self._compiled]
            if len(above) == len(draft.above):
                self._compiled[draft] = _compiled(trees["when"], trees.get("clear_when"), schedule, above)

    def _when(self, draft: Draft, tree: Truth) -> Iterator[Problem]:
        if not any(_changes(node) for node in walk(tree)):
            hint = "name a property, as powerConsumption < 2 W"
            yield draft.problem(("when",), "never changes", hint, "type")

    # other rules

    def _over(self, draft: Draft, key: str, over: Over) -> Iterator[Problem]:
        """The rule that silences or blocks another may stand where it is looked for."""
        others = [self._first[name] for name in self.names.get(over.rule, ()) if name in self._first]
        loc = (key, "rule")
        if not others and over.rule not in self._lost:
            yield draft.problem(loc, f"{over.rule!r} is not a rule", nearest(over.rule, self.names), "reference")
        elif draft in others or any(_rank(other) > _rank(draft) for other in others):
            what = f"{over.rule!r} cannot {'silence' if key == 'silenced_by' else 'block'} {draft.id!r}"
            yield draft.problem(loc, what, "name another rule, of the same zone", "reference")
        elif others and not any(self._stands(draft, other, over.via) for other in others):
            what = f"{over.rule!r} never stands on {_VIA[over.via]}"
            yield draft.problem(loc, what, f"it is of {self._kind(others[0])}: look where that is", "reference")

    def _stands(self, draft: Draft, other: Draft, via: str) -> bool:
        kind, theirs = self._kind(draft), self._kind(other)
        if via == "self":
            return kind == theirs
        return theirs == "zone" if via == "zone" else theirs not in _RANK

    def _kind(self, draft: Draft) -> str:
        subject = self._subject(draft)
        return subject[1] if subject else ""

    def _reach(self, draft: Draft, definition: RuleDefinition) -> Iterator[Problem]:
        """A rule looks at rules of its own place or below, and takes no later readings when it does."""
        found = self._compiled.get(draft)
        if found is None:
            return
        looks = found.looks_at
        rank = _rank(draft)
        higher = [name for name in looks if _RANK.get(self._kinds.get(name, ""), 0) > rank]
        if higher:
            what = f"looks at {higher[0]!r}, which is decided above it"
            hint = "want or alarm from the rule above, with targets of a type"
            yield draft.problem(("when",), what, hint, "reference")
        yield from self._seen(draft, found)
        if (looks or definition.for_each.each) and definition.lateness:
            what = "lateness belongs to rules over readings"
            yield draft.problem(("lateness",), what, "give it to the rules looked at", "type")
        if any(self._compiled[row].together for row in draft.above if row in self._compiled):
            what = "stands below a row with together(…), which cannot be denied"
            yield draft.problem(("when",), what, "use hits: all, or put that row last", "type")

    def _seen(self, draft: Draft, found: Compiled) -> Iterator[Problem]:
        """Rules that are looked at where none of them can stand."""
        for key, tree in (("when", found.own), ("clear_when", found.clear_when)):
            tallies = [node for node in walk(tree) if isinstance(node, Tally)] if tree is not None else []
            for node in (node for node in tallies if node.scope is Scope.SELF or node.scope in _OF_ASSETS):
                kinds = [self._kinds[name] for name in node.rules if name in self._kinds]
                alone = node.scope is Scope.SELF and self._kind(draft) not in kinds
                placed = node.scope in _OF_ASSETS and all(kind in _RANK for kind in kinds)
                if kinds and (alone or placed):
                    what = f"{node.rules[0]!r} is of {kinds[0]}, and never stands in {node.scope}"
                    yield draft.problem((key,), what, "look in zone, or at a rule that stands there", "reference")

    def _want(self, draft: Draft, definition: RuleDefinition) -> Iterator[Problem]:
        subject, want = self._subject(draft), definition.then.want
        if want is None or subject is None:
            return
        found = self._compiled.get(draft)
        crosses = definition.for_each.each is not None or (found is not None and bool(found.looks_at))
        wanting = Wanting(draft, definition, want, self._context(*subject), crosses)
        yield from wanting.problems(self._types, self._owners)
        if found is not None:
            found.value = wanting.value


_VIA = {"self": "the same subject", "parent": "a parent", "zone": "a zone"}


def _compiled(own: Truth, clear_when: Truth | None, schedule: Truth | None, above: list[Compiled]) -> Compiled:
    """The condition of a row is its own, and of no row above it."""
    when = And((own, *(Not(row.own) for row in above))) if above else own
    names = [rules_of(tree) for tree in (own, clear_when) if tree is not None] + [row.looks_at for row in above]
    together = any(isinstance(node, Together) for node in walk(own))
    return Compiled(own, together, when, clear_when, schedule, tuple(dict.fromkeys(chain.from_iterable(names))))


def _changes(node: Node) -> bool:
    return not children(node) and not isinstance(node, _FIXED)


def _rank(draft: Draft) -> int:
    scope = draft.raw.get("for_each")
    each = scope.get("each") if isinstance(scope, dict) else None
    return _RANK.get(each, 0) if isinstance(each, str) else 0


def _names(drafts: Drafts) -> dict[str, tuple[str, ...]]:
    """Rule ids, tables' ids for their rows, and facts, written with _ or -: each with the rule ids behind it.

    A name out of a file that could not be read stands for no rule.
    """
    names: dict[str, dict[str, None]] = defaultdict(dict)
    facts: dict[str, dict[str, None]] = defaultdict(dict)
    for draft in drafts.rules:
        for name in filter(None, (draft.id, draft.name)):
            names[name][draft.id] = None
        if draft.definition and (fact := draft.definition.then.fact):
            facts[fact][draft.id] = facts[fact.replace("_", "-")][draft.id] = None
    for name, ids in (*facts.items(), *((name, {}) for name in sorted(drafts.lost))):
        names.setdefault(name, ids)
    return {name: tuple(ids) for name, ids in names.items()}
