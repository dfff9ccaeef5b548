;; Logs a line that would clear the screen and forge another, a line of 64 KiB, and a thousand short ones; decides
;; nothing.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (data (i32.const 200) "\1b[2J\nINFO approved by=admin")
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (local $i i32)
    (call $log (i32.const 2) (i32.const 200) (i32.const 27))
    (drop (memory.grow (i32.const 2)))
    (memory.fill (i32.const 65536) (i32.const 0x78) (i32.const 65536))
    (call $log (i32.const 1) (i32.const 65536) (i32.const 65536))
    (loop $more
      (call $log (i32.const 0) (i32.const 96) (i32.const 5))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $i) (i32.const 1000))))
    (i32.const 128)))
