;; expect: guest:out-of-fuel
;; An endless loop: the fuel must end it, not the clock.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (loop $forever (br $forever))
    unreachable))
