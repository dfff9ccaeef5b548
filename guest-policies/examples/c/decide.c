// Keeper keeps missions standing: it plans what is wanted, applies what a plan would change, looks for drift every ten
// minutes, and tells people once of each finding that is critical.
#include "bindings/guest.h"

// How long a plan that changes nothing says that a mission stands.
#define REPLAN_AFTER_MS 600000u
// How long the world may settle before a plan that was overtaken is made anew.
#define SETTLE_MS 30000u
// People are told of so many findings a turn; the rest comes in the next one.
#define TOLD_MAX 16u
// Each action cites so many findings at most.
#define CITES_MAX 8u

// each(mission, view->missions) goes over a list of the contract.
#define each(item, list) \
  for (__typeof__((list).ptr + 0) item = (list).ptr, item##_end = item + (list).len; item < item##_end; item++)

void exports_quarterdeck_policy_decider_describe(exports_quarterdeck_policy_decider_description_t *says) {
  static T(action_kind) actions[] = {K(ACTION_KIND_BUILD), K(ACTION_KIND_NOTIFY)};
  static T(operation) operations[] = {K(OPERATION_PLAN), K(OPERATION_APPLY)};
  *says = (T(description)){
    .name = text("keeper"), .version = text("0.1.0"),
    .summary = text("Plans, applies what changes, and tells of what is critical."),
    .actions = {actions, 2}, .operations = {operations, 2}, .memo_format = text("keeper/1"),
  };
}

static bool is_open(const T(situation) *view, const T(finding) *finding) {
  return !finding->acknowledged_until.is_some || finding->acknowledged_until.val <= view->now;
}

static bool is_trouble(const T(situation) *view, const T(mission) *mission, const T(finding) *finding) {
  return finding->mission.is_some && same(finding->mission.val, mission->id) &&
         finding->severity != K(SEVERITY_INFO) && is_open(view, finding);
}

static bool is_active(const T(worker) *worker) {
  return worker->phase == K(WORKER_PHASE_STARTING) || worker->phase == K(WORKER_PHASE_RUNNING);
}

static bool changes(const T(artifact) *made) {
  const T(change_summary) *s = &made->summary.val;
  return made->summary.is_some && (s->adds || s->changes || s->destroys || s->replaces);
}

static bool is_denied(const T(situation) *view, const T(artifact) *made) {
  each(approval, view->approvals)
    if (approval->state == K(APPROVAL_STATE_DENIED) && approval->artifact.is_some &&
        same(approval->artifact.val, made->digest)) return true;
  return false;
}

static const str *fact(const T(mission) *mission, const char *key) {
  each(fact, mission->more)
    if (is(fact->key, key)) return &fact->value;
  return NULL;
}

// What one mission wants now: true and a proposal; or false, and a time to look again where it is not 0.
static bool step(const T(situation) *view, const T(mission) *mission, T(proposal) *proposal, uint64_t *until) {
  *until = 0;
  const str *when = fact(mission, "when");
  if (mission->desired != K(DESIRED_STATE_PRESENT) || mission->autonomy == K(AUTONOMY_OFF)) return false;
  if (mission->parked.is_some || fact(mission, "preflight") || (when && is(*when, "needed"))) return false;
  each(worker, view->workers)
    if (is_active(worker) && same(worker->mission, mission->id)) return false;
  const T(plan) *plan = NULL;
  each(one, mission->plans)
    if (!plan && is(one->tool, "terraform")) plan = one;
  if (!plan) return false;

  str *cites = take(CITES_MAX * sizeof *cites);
  size_t cited = 0;
  uint64_t changed = 0; // When the last of its troubles did.
  each(finding, view->findings) {
    if (!is_trouble(view, mission, finding)) continue;
    if (is(finding->rule, "object-unknown")) return false; // To build now could make a second time what is there.
    if (cited < CITES_MAX) cites[cited++] = finding->id;
    if (finding->changed > changed) changed = finding->changed;
  }

  const T(artifact) *made = NULL;
  each(one, mission->artifacts)
    if (!made && one->operation == K(OPERATION_PLAN) && one->generation == mission->generation &&
        same(one->plan, plan->digest)) made = one;
  T(operation) operation = K(OPERATION_PLAN);
  T(build_step) next = {.tag = K(BUILD_STEP_PLAN)};
  if (made && !made->stale && changes(made)) {
    if (is_denied(view, made)) return false; // A person's no stands for this plan.
    operation = K(OPERATION_APPLY);
    next = (T(build_step)){.tag = K(BUILD_STEP_APPLY), .val.apply = made->digest};
  } else if (made) {
    bool overtaken = made->stale || changed > made->made;
    *until = made->made + (overtaken ? SETTLE_MS : REPLAN_AFTER_MS);
    if (*until > view->now) return false;
  }
  each(tally, mission->tallies) {
    if (tally->operation != operation) continue;
    *until = tally->not_before.is_some ? tally->not_before.val : 0;
    if (tally->tried >= tally->limit) return *until = 0, false;
    if (*until > view->now) return false;
    break;
  }

  proposal->key = operation == K(OPERATION_PLAN)
    ? print("plan/%s", mission->id)
    : print("apply/%s/%s", mission->id, (str){made->digest.ptr + 7, 12});
  proposal->cites = (policy_list_string_t){cites, cited};
  T(order) order = {.mission = mission->id, .generation = mission->generation, .plan = plan->digest};
  proposal->action = (T(action)){.tag = K(ACTION_BUILD), .val.build = {.order = order, .step = next}};
  return true;
}

// Critical, open, and people have not been told of it yet.
static bool is_news(const T(situation) *view, const T(finding) *finding) {
  if (finding->severity != K(SEVERITY_CRITICAL) || !is_open(view, finding)) return false;
  str key = print("notify/%s", finding->id);
  each(verdict, view->verdicts)
    if (verdict->ruling == K(RULING_ACTED) && same(verdict->key, key)) return false;
  return true;
}

static T(proposal) tell(T(finding) *finding) {
  T(notify) notify = {
    .severity = finding->severity, .title = finding->rule, .text = finding->message, .mission = finding->mission,
  };
  return (T(proposal)){
    .key = print("notify/%s", finding->id), .cites = {&finding->id, 1},
    .action = {.tag = K(ACTION_NOTIFY), .val.notify = notify},
  };
}

bool exports_quarterdeck_policy_decider_decide(exports_quarterdeck_policy_decider_situation_t *view,
                                               exports_quarterdeck_policy_decider_decision_t *says, str *error) {
  (void)error;
  T(proposal) *proposals = take((view->missions.len + TOLD_MAX) * sizeof *proposals);
  size_t builds = 0, told = 0;
  T(option_timestamp_ms) look_again = {0};
  each(mission, view->missions) {
    uint64_t until;
    if (step(view, mission, &proposals[builds], &until)) builds++;
    else if (until && (!look_again.is_some || until < look_again.val)) look_again = (T(option_timestamp_ms)){true, until};
  }
  each(finding, view->findings)
    if (told < TOLD_MAX && is_news(view, finding)) proposals[builds + told++] = tell(finding);
  str seen = print("%u missions and %u findings are in view", (unsigned)view->missions.len, (unsigned)view->findings.len);
  quarterdeck_policy_logging_log(QUARTERDECK_POLICY_LOGGING_LEVEL_INFO, &seen);
  *says = (T(decision)){
    .proposals = {proposals, builds + told}, .look_again = look_again,
    .rationale = print("I start %u workers and tell %u things.", (unsigned)builds, (unsigned)told),
  };
  return true;
}
