;; expect: guest:out-of-fuel
;; Loops without end or not, by the parity of a number that it was not shown: there is no such number, so it always does.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (if (i32.eqz (i32.and (i32.const 1) (i32.load (i32.const 0x8000)))) (then (loop $forever (br $forever))))
    (i32.const 128)))
