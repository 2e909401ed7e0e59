//! System calls that a confined command is refused. They fail as forbidden; the command goes on.
//!
//! Lists of what is refused and not of what is allowed: agents are whole language runtimes, and the fence
//! itself is made of namespaces or Landlock. What is listed leads around it.

use libc::{
    CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use std::collections::BTreeMap;

/// Marks a call of the x32 interface, which shares the numbers (`__X32_SYSCALL_BIT`).
const X32: i64 = 0x4000_0000;

/// What is refused: each call always, or where one of its rules fits.
type Refused = BTreeMap<i64, Vec<SeccompRule>>;

/// The kernel's own machinery, its key rings (which no namespace separates), namespaces within the fence,
/// other processes' memory, and typing into a terminal.
pub(super) fn dangerous() -> Result<Refused, String> {
    let mut refused = always(&[
        libc::SYS_add_key,
        libc::SYS_keyctl,
        libc::SYS_request_key,
        libc::SYS_acct,
        libc::SYS_bpf,
        libc::SYS_delete_module,
        libc::SYS_finit_module,
        libc::SYS_init_module,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_io_uring_setup,
        libc::SYS_kexec_file_load,
        libc::SYS_kexec_load,
        libc::SYS_open_by_handle_at,
        libc::SYS_perf_event_open,
        libc::SYS_pidfd_getfd,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_ptrace,
        libc::SYS_quotactl,
        libc::SYS_reboot,
        libc::SYS_swapoff,
        libc::SYS_swapon,
        libc::SYS_syslog,
        libc::SYS_userfaultfd,
        libc::SYS_fsconfig,
        libc::SYS_fsmount,
        libc::SYS_fsopen,
        libc::SYS_fspick,
        libc::SYS_mount,
        libc::SYS_mount_setattr,
        libc::SYS_move_mount,
        libc::SYS_open_tree,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_setns,
        libc::SYS_umount2,
        libc::SYS_unshare,
    ]);
    let namespaces = [
        CLONE_NEWCGROUP,
        CLONE_NEWIPC,
        CLONE_NEWNET,
        CLONE_NEWNS,
        CLONE_NEWPID,
        CLONE_NEWUSER,
        CLONE_NEWUTS,
    ];
    for flag in namespaces {
        let flag = u64::from(flag.unsigned_abs());
        when(
            &mut refused,
            libc::SYS_clone,
            0,
            SeccompCmpOp::MaskedEq(flag),
            flag,
        )?;
    }
    for request in [libc::TIOCSTI, libc::TIOCLINUX] {
        // The kernel reads 32 bits of it.
        let op = SeccompCmpOp::MaskedEq(u64::from(u32::MAX));
        when(&mut refused, libc::SYS_ioctl, 1, op, request)?;
    }
    Ok(refused)
}

/// Without namespaces of its own: what leads to other processes, to the network, to sockets of this user's
/// services (Landlock does not hold those), out of the process group, and to other files' marks (nor those).
pub(super) fn outward() -> Result<Refused, String> {
    let mut refused = always(&[
        libc::SYS_socket,
        libc::SYS_setsid,
        libc::SYS_setpgid,
        libc::SYS_mq_open,
        libc::SYS_mq_unlink,
        libc::SYS_msgctl,
        libc::SYS_msgget,
        libc::SYS_semctl,
        libc::SYS_semget,
        libc::SYS_shmat,
        libc::SYS_shmctl,
        libc::SYS_shmget,
        libc::SYS_ioprio_set,
        libc::SYS_kcmp,
        libc::SYS_migrate_pages,
        libc::SYS_move_pages,
        libc::SYS_process_madvise,
        libc::SYS_process_mrelease,
        libc::SYS_sched_setaffinity,
        libc::SYS_sched_setattr,
        libc::SYS_sched_setparam,
        libc::SYS_sched_setscheduler,
        libc::SYS_setpriority,
        libc::SYS_fanotify_init,
        libc::SYS_inotify_add_watch,
        libc::SYS_fchmodat,
        libc::SYS_fchmodat2,
        libc::SYS_fchownat,
        libc::SYS_lremovexattr,
        libc::SYS_lsetxattr,
        libc::SYS_removexattr,
        libc::SYS_setxattr,
    ]);
    #[cfg(target_arch = "x86_64")]
    refused.extend(always(&[
        libc::SYS_chmod,
        libc::SYS_chown,
        libc::SYS_lchown,
        libc::SYS_futimesat,
        libc::SYS_utime,
        libc::SYS_utimes,
    ]));
    // Limits of another process; times of a file by its path (of an open one, the path is a null pointer).
    when(&mut refused, libc::SYS_prlimit64, 0, SeccompCmpOp::Ne, 0)?;
    when(&mut refused, libc::SYS_utimensat, 1, SeccompCmpOp::Ne, 0)?;
    Ok(refused)
}

/// From here on these calls fail in this thread and all that it starts, and no program gets more rights by
/// being run.
pub(super) fn refuse(refused: Result<Refused, String>) -> Result<(), String> {
    let forbidden = libc::EPERM.unsigned_abs();
    install(refused?, forbidden)?;
    // Its flags lie in memory, where a filter can't look; programs fall back to `clone`.
    install(always(&[libc::SYS_clone3]), libc::ENOSYS.unsigned_abs())
}

fn install(refused: Refused, error: u32) -> Result<(), String> {
    let failed = |e: &dyn std::fmt::Display| format!("system calls can't be refused: {e}");
    let both = refused
        .into_iter()
        .flat_map(|(call, rules)| [(call, rules.clone()), (call | X32, rules)])
        .collect();
    let arch = std::env::consts::ARCH.try_into().map_err(|e| failed(&e))?;
    let filter = SeccompFilter::new(both, SeccompAction::Allow, SeccompAction::Errno(error), arch);
    let program: BpfProgram = filter.and_then(TryInto::try_into).map_err(|e| failed(&e))?;
    seccompiler::apply_filter(&program).map_err(|e| failed(&e))
}

fn always(calls: &[i64]) -> Refused {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

fn when(refused: &mut Refused, call: i64, argument: u8, op: SeccompCmpOp, value: u64) -> Result<(), String> {
    let failed = |e: seccompiler::BackendError| format!("a rule for system call {call} is wrong: {e}");
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Qword, op, value).map_err(failed)?;
    let rule = SeccompRule::new(vec![condition]).map_err(failed)?;
    refused.entry(call).or_default().push(rule);
    Ok(())
}
