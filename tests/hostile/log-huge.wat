;; expect: guest:output-limit
;; One log line of 8 MiB.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (drop (memory.grow (i32.const 128)))
    (call $log (i32.const 1) (i32.const 4096) (i32.const 8388608))
    (i32.const 128)))
