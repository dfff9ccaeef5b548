// Keeper keeps missions standing: it plans what is wanted, applies what a plan would change, looks for drift every ten
// minutes, and tells people once of each finding that is critical.
import { log } from 'quarterdeck:policy/logging@0.1.0';

const REPLAN_AFTER_MS = 600_000; // How long a plan that changes nothing says that a mission stands.
const SETTLE_MS = 30_000; // How long the world may settle before a plan that was overtaken is made anew.
const TOLD_MAX = 16; // People are told of so many findings a turn; the rest comes in the next one.
const CITES_MAX = 8; // Each action cites so many findings at most.

export const decider = {
  describe() {
    return {
      name: 'keeper', version: '0.1.0', summary: 'Plans, applies what changes, and tells of what is critical.',
      actions: ['build', 'notify'], operations: ['plan', 'apply'], settings: [],
      memoFormat: 'keeper/1', readsMemos: [],
    };
  },

  decide(view) {
    const proposals = [];
    let lookAgain = null;
    for (const mission of view.missions) {
      const { build, until } = step(view, mission);
      if (build) proposals.push(build);
      if (until !== undefined && (lookAgain === null || until < lookAgain)) lookAgain = until;
    }
    const builds = proposals.length;
    proposals.push(...view.findings.filter((finding) => isNews(view, finding)).slice(0, TOLD_MAX).map(tell));
    log('info', `${view.missions.length} missions and ${view.findings.length} findings are in view`);
    const rationale = `I start ${builds} workers and tell ${proposals.length - builds} things.`;
    return { proposals, rationale, memo: null, lookAgain };
  },
};

// What one mission wants now: a proposal, a time to look again, or nothing.
function step(view, mission) {
  const fact = (key) => mission.more.find((fact) => fact.key === key)?.value;
  const unwanted = mission.desired !== 'present' || mission.autonomy === 'off';
  const held = mission.parked != null || fact('preflight') !== undefined;
  if (unwanted || held || fact('when') === 'needed') return {};
  const isActive = (worker) => worker.phase === 'starting' || worker.phase === 'running';
  if (view.workers.some((worker) => worker.mission === mission.id && isActive(worker))) return {};
  const plan = mission.plans.find((plan) => plan.tool === 'terraform');
  if (!plan) return {};
  const troubles = view.findings.filter((finding) => isTrouble(view, mission, finding));
  // To build now could make a second time what is there.
  if (troubles.some((finding) => finding.rule === 'object-unknown')) return {};
  const made = mission.artifacts.find((made) =>
    made.operation === 'plan' && made.generation === mission.generation && made.plan === plan.digest);
  let key, operation, next;
  if (made && !made.stale && changes(made)) {
    // A person's no stands for this plan.
    if (view.approvals.some((a) => a.state === 'denied' && a.artifact === made.digest)) return {};
    key = `apply/${mission.id}/${made.digest.slice(7, 19)}`;
    operation = 'apply';
    next = { tag: 'apply', val: made.digest };
  } else {
    if (made) {
      const overtaken = made.stale || troubles.some((finding) => finding.changed > made.made);
      const due = made.made + (overtaken ? SETTLE_MS : REPLAN_AFTER_MS);
      if (due > view.now) return { until: due };
    }
    key = `plan/${mission.id}`;
    operation = 'plan';
    next = { tag: 'plan' };
  }
  const tally = mission.tallies.find((tally) => tally.operation === operation);
  if (tally && tally.tried >= tally.limit) return {};
  if (tally && tally.notBefore != null && tally.notBefore > view.now) return { until: tally.notBefore };
  const order = { mission: mission.id, generation: mission.generation, plan: plan.digest, remedy: null };
  const cites = troubles.slice(0, CITES_MAX).map((finding) => finding.id);
  return { build: { key, cites, action: { tag: 'build', val: { order, step: next } } } };
}

function isOpen(view, finding) {
  return finding.acknowledgedUntil == null || finding.acknowledgedUntil <= view.now;
}

function isTrouble(view, mission, finding) {
  return finding.mission === mission.id && finding.severity !== 'info' && isOpen(view, finding);
}

function changes(made) {
  const s = made.summary;
  return s != null && s.adds + s.changes + s.destroys + s.replaces > 0;
}

// Critical, open, and people have not been told of it yet.
function isNews(view, finding) {
  if (finding.severity !== 'critical' || !isOpen(view, finding)) return false;
  const key = `notify/${finding.id}`;
  return !view.verdicts.some((told) => told.key === key && told.ruling === 'acted');
}

function tell(finding) {
  const { id, severity, rule, message, mission } = finding;
  return { key: `notify/${id}`, cites: [id], action: { tag: 'notify', val: { severity, title: rule, text: message, mission } } };
}
