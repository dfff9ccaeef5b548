;; expect: guest:malformed
;; A log line that ends beyond its memory.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (call $log (i32.const 1) (i32.const 256) (i32.const 0x7fff_ffff))
    (i32.const 128)))
