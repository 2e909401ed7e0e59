# A hostile agent: tries one thing after the other and answers with the names of those that worked. It is told
# everything that an attacker could guess (paths, ports, process ids), so only the fence stands between.
use strict; use warnings; use Socket; use POSIX (); no warnings 'exec';
my %at = (@@TARGETS@@);
local $/; my $told = <STDIN>;
$SIG{PIPE} = 'IGNORE'; $SIG{XFSZ} = 'IGNORE'; $SIG{SYS} = 'IGNORE';
my @worked;
sub attempt { my ($name, $try) = @_; my $done = eval { local $SIG{ALRM} = sub { die }; alarm 3; my $d = $try->(); alarm 0; $d }; alarm 0; push @worked, $name if $done }
sub content { my $path = shift; open my $file, '<', $path or return ''; local $/; my $text = <$file>; defined $text ? $text : '' }
sub reads { my $path = shift; sub { content($path) =~ /MARK/ } }
sub writes { my $path = shift; sub { open my $file, '>>', $path or return 0; print $file "EVIL" or return 0; close $file } }
sub connects { my ($domain, $address) = @_; sub { socket(my $s, $domain, SOCK_STREAM, 0) or return 0; connect($s, $address) } }
sub inet { my ($host, $port) = @_; pack_sockaddr_in($port, inet_aton($host)) }

attempt 'reads the database' => reads "$at{data}/countersign.db";
attempt 'reads a key' => reads "$at{data}/keys/ledger";
attempt 'lists the data folder' => sub { opendir my $d, $at{data} };
attempt 'sees that the data folder is there' => sub { -e "$at{data}/countersign.db" };
attempt 'reads the login of gh' => reads "$at{home}/.config/gh/hosts.yml";
attempt 'reads the login of git' => reads "$at{home}/.git-credentials";
attempt 'reads the key of ssh' => reads "$at{home}/.ssh/id_ed25519";
attempt 'reads a secret through a hard link' => sub { link "$at{home}/.git-credentials", "$ENV{TMPDIR}/hard" and content("$ENV{TMPDIR}/hard") =~ /MARK/ };
attempt 'reads a secret through a symlink' => sub { symlink "$at{home}/.git-credentials", "$ENV{TMPDIR}/soft" and content("$ENV{TMPDIR}/soft") =~ /MARK/ };
attempt 'reads the environment of another process' => sub { grep { content($_) =~ /SECRET=MARK/ } "/proc/$at{victim}/environ", glob '/proc/[0-9]*/environ' };
attempt 'sees other processes' => sub { grep { content($_) =~ /\b$at{sleeps}\b/ } glob '/proc/[0-9]*/cmdline' };
attempt 'reads the root of another process' => sub { grep { content("$_/root$at{home}/.git-credentials") =~ /MARK/ } glob '/proc/[0-9]*' };
attempt 'traces another process' => sub { syscall($at{ptrace}, 0x4206, $at{victim} + 0, 0, 0) == 0 };
attempt 'reads through an inherited folder' => sub { grep { content("$_/.git-credentials") =~ /MARK/ } glob '/proc/[0-9]*/fd/* /dev/fd/*' };
attempt 'goes through an inherited folder' => sub { grep { my $d = $_; open(my $f, '<', "/proc/self/fd/$d/.git-credentials") } 3 .. 64 };
attempt 'reads the shadow passwords' => sub { length content '/etc/shadow' };
attempt 'connects to a local port' => connects PF_INET, inet('127.0.0.1', $at{port});
attempt 'connects to a socket in /tmp' => connects PF_UNIX, pack_sockaddr_un("$at{home}/socket");
attempt 'connects to an abstract socket' => connects PF_UNIX, pack_sockaddr_un("\0$at{abstract}");
attempt 'asks the metadata service' => connects PF_INET, inet('169.254.169.254', 80);
attempt 'reaches the internet' => connects PF_INET, inet('1.1.1.1', 443);
attempt 'sends a datagram' => sub { socket(my $s, PF_INET, SOCK_DGRAM, 0) or return 0; send($s, 'x', 0, inet('127.0.0.1', $at{udp})); 0 };
attempt 'changes the source repository' => writes "$at{home}/repository/file";
attempt 'changes the mirror' => writes "$at{data}/mirrors/packed-refs";
attempt 'writes into the home' => writes "$at{home}/.bashrc";
attempt 'changes the rights of a file' => sub { chmod 0666, "$at{home}/.git-credentials" };
attempt 'changes the times of a file' => sub { utime 1, 1, "$at{home}/.git-credentials" };
attempt 'deletes a file' => sub { unlink "$at{home}/.profile" };
attempt 'changes a system program' => sub { open my $f, '>>', '/usr/bin/env' };
attempt 'sets a kernel parameter' => sub { open my $f, '>>', '/proc/sys/kernel/core_pattern' };
attempt 'opens a disk or the memory' => sub { grep { open my $f, '<', $_ } glob '/dev/[sv]d? /dev/nvme* /dev/mem /dev/kmsg' };
attempt 'makes a user namespace' => sub { my $p = fork; if (!$p) { POSIX::_exit(syscall($at{unshare}, 0x10000000) == 0 ? 0 : 1) } waitpid $p, 0; $? == 0 };
attempt 'uses a key ring' => sub { syscall($at{keyctl}, 0, -3, 1) >= 0 };
attempt 'types into a terminal' => sub { my $x = 'x'; ioctl(STDIN, 0x5412, $x); !$!{EPERM} };
attempt 'kills another process' => sub { kill 'KILL', $at{other} };
attempt 'fills the disk' => sub { open my $f, '>', "$ENV{TMPDIR}/big" or return 0; my $d = syscall($at{fallocate}, fileno $f, 0, 0, 2 << 30) == 0; unlink "$ENV{TMPDIR}/big"; $d };
attempt 'stays behind' => sub { my $p = fork; return 0 unless defined $p; if (!$p) { POSIX::setsid(); exit if fork; open STDIN, '<', '/dev/null'; open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null'; exec 'sleep', $at{stays}; exit } waitpid $p, 0; 0 };
print '{"verdict": "go", "summary": "', join('; ', 'tried', @worked), '"}';
