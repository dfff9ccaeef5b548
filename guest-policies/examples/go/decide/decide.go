// Package decide is Keeper, which keeps missions standing: it plans what is wanted, applies what a plan would change,
// looks for drift every ten minutes, and tells people once of each finding that is critical.
package decide

import (
	"slices"
	"strconv"

	"policy/bindings/logging"
	. "policy/bindings/types"
	"policy/bindings/wit"
)

const (
	replanAfterMs = 600_000 // How long a plan that changes nothing says that a mission stands.
	settleMs      = 30_000  // How long the world may settle before a plan that was overtaken is made anew.
	toldMax       = 16      // People are told of so many findings a turn; the rest comes in the next one.
	citesMax      = 8       // Each action cites so many findings at most.
)

// Describe says what the policy is called and what it may do.
func Describe() Description {
	return Description{
		Name: "keeper", Version: "0.1.0", Summary: "Plans, applies what changes, and tells of what is critical.",
		Actions:    []ActionKind{ActionKindBuild, ActionKindNotify},
		Operations: []Operation{OperationPlan, OperationApply},
		MemoFormat: "keeper/1",
	}
}

// Decide is asked once a turn.
func Decide(view Situation) wit.Result[Decision, string] {
	var proposals []Proposal
	lookAgain := wit.None[uint64]()
	for i := range view.Missions {
		build, until := step(&view, &view.Missions[i])
		if build != nil {
			proposals = append(proposals, *build)
		}
		if until != 0 && (lookAgain.IsNone() || until < lookAgain.Some()) {
			lookAgain = wit.Some(until)
		}
	}
	builds := len(proposals)
	for i := range view.Findings {
		if len(proposals)-builds < toldMax && isNews(&view, &view.Findings[i]) {
			proposals = append(proposals, tell(&view.Findings[i]))
		}
	}
	logging.Log(logging.LevelInfo, strconv.Itoa(len(view.Missions))+" missions and "+
		strconv.Itoa(len(view.Findings))+" findings are in view")
	rationale := "I start " + strconv.Itoa(builds) + " workers and tell " +
		strconv.Itoa(len(proposals)-builds) + " things."
	return wit.Ok[Decision, string](Decision{Proposals: proposals, Rationale: rationale, LookAgain: lookAgain})
}

// What one mission wants now: a proposal, a time to look again, or neither.
func step(view *Situation, mission *Mission) (*Proposal, uint64) {
	_, preflight := fact(mission.More, "preflight")
	when, _ := fact(mission.More, "when")
	unwanted := mission.Desired != DesiredStatePresent || mission.Autonomy == AutonomyOff
	if unwanted || preflight || mission.Parked.IsSome() || when == "needed" {
		return nil, 0
	}
	if slices.ContainsFunc(view.Workers, func(w Worker) bool { return w.Mission == mission.Id && isActive(w) }) {
		return nil, 0
	}
	at := slices.IndexFunc(mission.Plans, func(plan Plan) bool { return plan.Tool == "terraform" })
	if at < 0 {
		return nil, 0
	}
	plan := &mission.Plans[at]
	var cites []string
	var changed uint64 // When the last of its troubles did.
	for i := range view.Findings {
		finding := &view.Findings[i]
		if !isTrouble(view, mission, finding) {
			continue
		}
		if finding.Rule == "object-unknown" {
			return nil, 0 // To build now could make a second time what is there.
		}
		if len(cites) < citesMax {
			cites = append(cites, finding.Id)
		}
		changed = max(changed, finding.Changed)
	}
	made := slices.IndexFunc(mission.Artifacts, func(made Artifact) bool {
		return made.Operation == OperationPlan && made.Generation == mission.Generation && made.Plan == plan.Digest
	})
	key, operation, next := "plan/"+mission.Id, OperationPlan, MakeBuildStepPlan()
	if made >= 0 {
		made := &mission.Artifacts[made]
		if !made.Stale && changes(made) {
			denied := func(a Approval) bool {
				return a.State == ApprovalStateDenied && a.Artifact.IsSome() && a.Artifact.Some() == made.Digest
			}
			if slices.ContainsFunc(view.Approvals, denied) {
				return nil, 0 // A person's no stands for this plan.
			}
			key, operation = "apply/"+mission.Id+"/"+made.Digest[7:19], OperationApply
			next = MakeBuildStepApply(made.Digest)
		} else {
			due := made.Made + replanAfterMs
			if made.Stale || changed > made.Made {
				due = made.Made + settleMs
			}
			if due > view.Now {
				return nil, due
			}
		}
	}
	for _, tally := range mission.Tallies {
		if tally.Operation != operation {
			continue
		}
		if tally.Tried >= tally.Limit {
			return nil, 0
		}
		if tally.NotBefore.IsSome() && tally.NotBefore.Some() > view.Now {
			return nil, tally.NotBefore.Some()
		}
		break
	}
	order := Order{Mission: mission.Id, Generation: mission.Generation, Plan: plan.Digest}
	return &Proposal{Key: key, Cites: cites, Action: MakeActionBuild(Build{Order: order, Step: next})}, 0
}

func fact(facts []Fact, key string) (string, bool) {
	for _, fact := range facts {
		if fact.Key == key {
			return fact.Value, true
		}
	}
	return "", false
}

func isActive(worker Worker) bool {
	return worker.Phase == WorkerPhaseStarting || worker.Phase == WorkerPhaseRunning
}

func isOpen(view *Situation, finding *Finding) bool {
	return finding.AcknowledgedUntil.IsNone() || finding.AcknowledgedUntil.Some() <= view.Now
}

func isTrouble(view *Situation, mission *Mission, finding *Finding) bool {
	ofIt := finding.Mission.IsSome() && finding.Mission.Some() == mission.Id
	return ofIt && finding.Severity != SeverityInfo && isOpen(view, finding)
}

func changes(made *Artifact) bool {
	return made.Summary.IsSome() && made.Summary.Some() != ChangeSummary{}
}

// Critical, open, and people have not been told of it yet.
func isNews(view *Situation, finding *Finding) bool {
	if finding.Severity != SeverityCritical || !isOpen(view, finding) {
		return false
	}
	key := "notify/" + finding.Id
	told := func(verdict Verdict) bool { return verdict.Key == key && verdict.Ruling == RulingActed }
	return !slices.ContainsFunc(view.Verdicts, told)
}

func tell(finding *Finding) Proposal {
	notify := Notify{
		Severity: finding.Severity, Title: finding.Rule, Text: finding.Message, Mission: finding.Mission,
	}
	return Proposal{
		Key: "notify/" + finding.Id, Cites: []string{finding.Id}, Action: MakeActionNotify(notify),
	}
}
