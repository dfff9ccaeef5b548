;; expect: guest:log-flood
;; Logs for ever: little fuel, much of the host's time.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (loop $more
      (call $log (i32.const 1) (i32.const 96) (i32.const 10))
      (br $more))
    unreachable))
