;; Decides nothing, as the floor does, but for one rule more: in turn 3 it wants to look again, at 7 ms after 1970.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param $situation i32) (result i32)
    ;; The situation begins with the turn; look-again is an option at the end of the decision.
    (if (i32.eq (i32.load (local.get $situation)) (i32.const 3))
      (then
        (i32.store8 (i32.const 168) (i32.const 1))
        (i64.store (i32.const 176) (i64.const 7))))
    (i32.const 128)))
