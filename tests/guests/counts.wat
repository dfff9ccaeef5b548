;; Counts its decisions in its memo, one byte, and shows the count: it wants to look again so many seconds after 1970 began.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  ;; The format that it writes, and the one that it reads: both are called as it is itself.
  (data (i32.const 64) "\60\00\00\00\05\00\00\00" "\70\00\00\00\01\00\00\00")
  (data (i32.const 112) "\60\00\00\00\05\00\00\00")
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param $situation i32) (result i32)
    (local $count i32)
    ;; An option of the memo stands before the situation's last list; then its format and its bytes.
    (if (i32.load8_u offset=180 (local.get $situation))
      (then (local.set $count (i32.load8_u (i32.load offset=192 (local.get $situation))))))
    (local.set $count (i32.add (local.get $count) (i32.const 1)))
    (i32.store8 (i32.const 256) (local.get $count))
    (i32.store8 (i32.const 152) (i32.const 1))
    (i32.store (i32.const 156) (i32.const 256))
    (i32.store (i32.const 160) (i32.const 1))
    (i32.store8 (i32.const 168) (i32.const 1))
    (i64.store (i32.const 176) (i64.mul (i64.const 1000) (i64.extend_i32_u (local.get $count))))
    (i32.const 128)))
