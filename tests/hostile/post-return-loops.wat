;; expect: guest:out-of-fuel
;; Decides properly and then loops, after the host has its decision.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "cabi_post_quarterdeck:policy/decider@0.1.0#decide") (param i32) (loop $forever (br $forever)))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
