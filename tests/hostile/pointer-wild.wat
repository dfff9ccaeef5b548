;; expect: guest:malformed
;; Returns a pointer far beyond its memory.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 0x7ffffff8)))
