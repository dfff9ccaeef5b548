"""Keeper keeps missions standing: it plans what is wanted, applies what a plan would change, looks for drift every ten
minutes, and tells people once of each finding that is critical."""
from wit_world.exports import Decider as Contract
from wit_world.imports.logging import Level, log
from wit_world.imports.types import (
    Action_Build, Action_Notify, ActionKind, ApprovalState, Autonomy, Build, BuildStep_Apply, BuildStep_Plan, Decision,
    Description, DesiredState, Notify, Operation, Order, Proposal, Ruling, Severity, WorkerPhase,
)

REPLAN_AFTER_MS = 600_000  # How long a plan that changes nothing says that a mission stands.
SETTLE_MS = 30_000  # How long the world may settle before a plan that was overtaken is made anew.
TOLD_MAX = 16  # People are told of so many findings a turn; the rest comes in the next one.
CITES_MAX = 8  # Each action cites so many findings at most.


class Decider(Contract):
    def describe(self):
        return Description(
            name="keeper", version="0.1.0", summary="Plans, applies what changes, and tells of what is critical.",
            actions=[ActionKind.BUILD, ActionKind.NOTIFY], operations=[Operation.PLAN, Operation.APPLY],
            settings=[], memo_format="keeper/1", reads_memos=[])

    def decide(self, view):
        steps = [step(view, mission) for mission in view.missions]
        builds = [one for one in steps if isinstance(one, Proposal)]
        waits = [one for one in steps if isinstance(one, int)]
        news = [tell(finding) for finding in view.findings if is_news(view, finding)][:TOLD_MAX]
        log(Level.INFO, f"{len(view.missions)} missions and {len(view.findings)} findings are in view")
        return Decision(
            proposals=builds + news, rationale=f"I start {len(builds)} workers and tell {len(news)} things.",
            memo=None, look_again=min(waits, default=None))


def step(view, mission):
    """What one mission wants now: a proposal, a time to look again, or None."""
    def fact(key):
        return next((fact.value for fact in mission.more if fact.key == key), None)

    unwanted = mission.desired != DesiredState.PRESENT or mission.autonomy == Autonomy.OFF
    held = mission.parked is not None or fact("preflight") is not None
    if unwanted or held or fact("when") == "needed":
        return None
    active = (WorkerPhase.STARTING, WorkerPhase.RUNNING)
    if any(worker.mission == mission.id and worker.phase in active for worker in view.workers):
        return None
    plan = next((plan for plan in mission.plans if plan.tool == "terraform"), None)
    if plan is None:
        return None
    troubles = [finding for finding in view.findings if is_trouble(view, mission, finding)]
    if any(finding.rule == "object-unknown" for finding in troubles):
        return None  # To build now could make a second time what is there.
    made = next((made for made in mission.artifacts if made.operation == Operation.PLAN
                 and made.generation == mission.generation and made.plan == plan.digest), None)
    if made is not None and not made.stale and changes(made):
        if any(a.state == ApprovalState.DENIED and a.artifact == made.digest for a in view.approvals):
            return None  # A person's no stands for this plan.
        key, operation = f"apply/{mission.id}/{made.digest[7:19]}", Operation.APPLY
        build_step = BuildStep_Apply(made.digest)
    else:
        if made is not None:
            overtaken = made.stale or any(finding.changed > made.made for finding in troubles)
            due = made.made + (SETTLE_MS if overtaken else REPLAN_AFTER_MS)
            if due > view.now:
                return due
        key, operation, build_step = f"plan/{mission.id}", Operation.PLAN, BuildStep_Plan()
    tally = next((tally for tally in mission.tallies if tally.operation == operation), None)
    if tally is not None and tally.tried >= tally.limit:
        return None
    if tally is not None and tally.not_before is not None and tally.not_before > view.now:
        return tally.not_before
    order = Order(mission=mission.id, generation=mission.generation, plan=plan.digest, remedy=None)
    cites = [finding.id for finding in troubles[:CITES_MAX]]
    return Proposal(key=key, cites=cites, action=Action_Build(Build(order=order, step=build_step)))


def is_open(view, finding):
    return finding.acknowledged_until is None or finding.acknowledged_until <= view.now


def is_trouble(view, mission, finding):
    return finding.mission == mission.id and finding.severity != Severity.INFO and is_open(view, finding)


def changes(made):
    s = made.summary
    return s is not None and (s.adds, s.changes, s.destroys, s.replaces) != (0, 0, 0, 0)


def is_news(view, finding):
    """Critical, open, and people have not been told of it yet."""
    if finding.severity != Severity.CRITICAL or not is_open(view, finding):
        return False
    key = f"notify/{finding.id}"
    return not any(told.key == key and told.ruling == Ruling.ACTED for told in view.verdicts)


def tell(finding):
    action = Action_Notify(Notify(
        severity=finding.severity, title=finding.rule, text=finding.message, mission=finding.mission))
    return Proposal(key=f"notify/{finding.id}", cites=[finding.id], action=action)
