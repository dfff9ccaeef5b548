;; expect: guest:memory-limit
;; Grows its memory page by page until it is refused, and would decide nothing then: a denied growth must end it, or
;; what comes of it would hang on the guest.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (block $refused (loop $more
      (br_if $refused (i32.eq (memory.grow (i32.const 16)) (i32.const -1)))
      (br $more)))
    (i32.const 128)))
