;; expect: guest:log-flood
;; Log lines of 1 MiB for ever: each is cut, and copying it costs the host.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (drop (memory.grow (i32.const 33)))
    (loop $more
      (call $log (i32.const 1) (i32.const 1114112) (i32.const 1048576))
      (br $more))
    unreachable))
