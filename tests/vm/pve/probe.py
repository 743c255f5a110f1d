# SPDX-License-Identifier: GPL-2.0-or-later
# probe.py FOLDER NODE q|noq: asks a pmxcfs that is mounted on FOLDER what it allows, with the quorum or without. The answers of
# Proxmox' own (9.1.6; those of 7.3 and 8.1 are the same) are probe-q.txt and probe-noq.txt; tests/t-pmxcfs.sh compares.
# It begins with nodes/NODE/{lxc,priv,qemu-server}, priv, a guest 100 on NODE and a guest 200 on the node `other`, 12 bytes
# each, and a storage.cfg of 11.
import ctypes
import errno
import fcntl
import mmap
import os
import stat
import sys
import time

P = sys.argv[1]
N = sys.argv[2]
mode = sys.argv[3]
libc = ctypes.CDLL(None, use_errno=True)

def e(f, *a, **k):
    try:
        r = f(*a, **k)
        return 'ok' if r is None or (isinstance(r, int) and r >= 0 and (f in (os.open,))) else str(r)
    except OSError as x:
        return errno.errorcode.get(x.errno, str(x.errno))

def close(fd):
    try:
        os.close(fd)
    except OSError:
        pass

def show(n, v):
    print(f'{n}: {v}')
L = f'{P}/nodes/{N}/lxc'

def st(p, follow=False):
    try:
        s = os.lstat(p) if not follow else os.stat(p)
        return f"{stat.filemode(s.st_mode)} {s.st_uid}:{s.st_gid} nlink={s.st_nlink} size={(s.st_size if not stat.S_ISDIR(s.st_mode) else '-')} blk={(s.st_blocks if not stat.S_ISDIR(s.st_mode) else '-')}"
    except OSError as x:
        return errno.errorcode[x.errno]

def wr(p, b=b'x\n', flags=os.O_WRONLY | os.O_CREAT | os.O_TRUNC):
    try:
        fd = os.open(p, flags, 0o644)
        try:
            n = os.write(fd, b)
            return f'ok{n}'
        finally:
            os.close(fd)
    except OSError as x:
        return errno.errorcode[x.errno]
for p in ['', '/local', '/lxc', '/qemu-server', '/nodes', f'/nodes/{N}', f'/nodes/{N}/lxc', f'/nodes/{N}/lxc/100.conf', '/storage.cfg', f'/nodes/{N}/priv', '/priv', '/nodes/other/lxc/200.conf']:
    show('stat ' + p.replace(N, 'NODE'), st(P + p))
show('readlink local', e(os.readlink, P + '/local').replace(N, 'NODE'))
show('readlink lxc', e(os.readlink, P + '/lxc').replace(N, 'NODE'))
if mode == 'noq':
    show('create', wr(L + '/.t'))
    show('write existing', wr(L + '/100.conf', b'', os.O_WRONLY))
    show('open wronly', e(os.open, L + '/100.conf', os.O_WRONLY))
    show('trunc', e(os.truncate, L + '/100.conf', 0))
    show('mkdir', e(os.mkdir, P + '/d'))
    show('rename', e(os.rename, L + '/100.conf', L + '/103.conf'))
    show('unlink', e(os.unlink, L + '/100.conf'))
    show('utime', e(os.utime, L + '/100.conf', (1, 1)))
    show('chmod640', e(os.chmod, L + '/100.conf', 0o640))
    show('chmod600', e(os.chmod, L + '/100.conf', 0o600))
    show('chown0:33', e(os.chown, L + '/100.conf', 0, 33))
    show('rmdir', e(os.rmdir, P + '/nodes/other'))
    show('symlink', e(os.symlink, 'a', P + '/s'))
    sys.exit()
show('create tmp', wr(L + '/.t'))
for m in (0o600, 0o640, 0o644, 0o660, 0o755, 0o440, 0o4640):
    show(f'chmod {m:o}', e(os.chmod, L + '/.t', m))
show('chmod dir 755', e(os.chmod, L, 0o755))
show('chmod dir 700', e(os.chmod, L, 0o700))
show('chmod dir 640', e(os.chmod, L, 0o640))
wr(P + f'/nodes/{N}/priv/k')
show('stat priv/k', st(P + f'/nodes/{N}/priv/k'))
show('priv chmod 600', e(os.chmod, P + f'/nodes/{N}/priv/k', 0o600))
show('priv chmod 640', e(os.chmod, P + f'/nodes/{N}/priv/k', 0o640))
for u, g in ((0, 33), (0, 0), (-1, 33), (-1, -1), (0, -1), (1, 33), (0, 34)):
    show(f'chown {u}:{g}', e(os.chown, L + '/.t', u, g))
show('symlink', e(os.symlink, 'a', L + '/s'))
show('link', e(os.link, L + '/.t', L + '/l'))
show('mkfifo', e(os.mkfifo, L + '/f'))
show('mknod reg', e(os.mknod, L + '/mk', 0o644 | stat.S_IFREG))
show('setxattr', e(os.setxattr, L + '/.t', 'user.a', b'1'))
show('getxattr', e(os.getxattr, L + '/.t', 'user.a'))
show('listxattr', e(os.listxattr, L + '/.t'))
show('acl', e(os.getxattr, L + '/.t', 'system.posix_acl_access'))
show('sec', e(os.getxattr, L + '/.t', 'security.selinux'))
fd = os.open(L + '/.t', os.O_RDWR)
show('fsync', e(os.fsync, fd))
show('fallocate', e(os.posix_fallocate, fd, 0, 10))
show('flock', e(fcntl.flock, fd, fcntl.LOCK_EX | fcntl.LOCK_NB))
show('lockf', e(fcntl.lockf, fd, fcntl.LOCK_EX | fcntl.LOCK_NB))
try:
    mmap.mmap(fd, 0, mmap.MAP_SHARED, mmap.PROT_READ)
    show('mmap shared', 'ok')
except OSError as x:
    show('mmap shared', errno.errorcode[x.errno])
try:
    mmap.mmap(fd, 0, mmap.MAP_PRIVATE, mmap.PROT_READ)
    show('mmap private', 'ok')
except OSError as x:
    show('mmap private', errno.errorcode[x.errno])
os.close(fd)
d = os.open(L, os.O_RDONLY)
show('fsync dir', e(os.fsync, d))
os.close(d)
show('utime both', e(os.utime, L + '/.t', (1000000000.0, 1000000000.0)))
show('mtime', int(os.stat(L + '/.t').st_mtime))
show('utime ns', e(os.utime, L + '/.t', ns=(10 ** 18 + 5, 10 ** 18 + 5)))
show('mtime_ns%1e9', os.stat(L + '/.t').st_mtime_ns % 10 ** 9)

class TS(ctypes.Structure):
    _fields_ = [('s', ctypes.c_long), ('n', ctypes.c_long)]

def ut(p, a, m):
    t = (TS * 2)(TS(*a), TS(*m))
    r = libc.utimensat(-100, p.encode(), t, 0)
    return 'ok' if r == 0 else errno.errorcode[ctypes.get_errno()]
OM = (1 << 30) - 2
NOW = (1 << 30) - 1
show('utimens mtime only', ut(L + '/.t', (0, OM), (10 ** 9 + 7, 0)))
show('mtime', int(os.stat(L + '/.t').st_mtime) - 10 ** 9)
show('utimens NOW', ut(L + '/.t', (0, NOW), (0, NOW)))
show('mtime is now', abs(os.stat(L + '/.t').st_mtime - time.time()) < 3)
show('utimens mtime NOW atime OMIT', ut(L + '/.t', (0, OM), (0, NOW)))
os.utime(L + '/.t', (1000000000.0, 1000000000.0))
show('rename', e(os.rename, L + '/.t', L + '/.u'))
show('mtime after rename is now', abs(os.stat(L + '/.u').st_mtime - time.time()) < 3)
wr(L + '/.t', b'abc')
show('rename over', e(os.rename, L + '/.t', L + '/.u'))
show('content', open(L + '/.u').read())
i1 = os.stat(L + '/.u').st_ino
i2 = os.stat(L + '/.u').st_ino
show('ino stable', i1 == i2)

def ra2(a, b, f):
    r = libc.renameat2(-100, a.encode(), -100, b.encode(), f)
    return 'ok' if r == 0 else errno.errorcode[ctypes.get_errno()]
wr(L + '/.t')
show('renameat2 NOREPLACE new', ra2(L + '/.t', L + '/.n', 1))
wr(L + '/.t')
show('renameat2 NOREPLACE exists', ra2(L + '/.t', L + '/.u', 1))
show('renameat2 EXCHANGE', ra2(L + '/.t', L + '/.u', 2))
show('rename to other node, vmid elsewhere', e(os.rename, L + '/.t', L + '/200.conf'))
show('create vmid elsewhere', wr(L + '/200.conf'))
show('create 0200.conf', wr(L + '/0200.conf'))
show('create 200.conf.tmp', wr(L + '/200.conf.tmp'))
show('move 100 to other', e(os.rename, L + '/100.conf', P + '/nodes/other/lxc/100.conf'))
show('and back', e(os.rename, P + '/nodes/other/lxc/100.conf', L + '/100.conf'))
show('rename 100 to 104', e(os.rename, L + '/100.conf', L + '/104.conf'))
show('back', e(os.rename, L + '/104.conf', L + '/100.conf'))
show('create same vmid qemu', wr(P + f'/nodes/{N}/qemu-server/100.conf'))
show('mkdir', e(os.mkdir, P + '/d'))
show('stat d', st(P + '/d'))
show('mkdir again', e(os.mkdir, P + '/d'))
wr(P + '/d/f')
show('rmdir nonempty', e(os.rmdir, P + '/d'))
show('rename nonempty dir', e(os.rename, P + '/d', P + '/e'))
os.unlink(P + '/d/f')
show('rename empty dir', e(os.rename, P + '/d', P + '/e'))
show('rmdir', e(os.rmdir, P + '/e'))
show('unlink link', e(os.unlink, P + '/lxc'))
show('rename over link', e(os.rename, L + '/.u', P + '/local'))
show('rename link', e(os.rename, P + '/local', P + '/x'))
show('rename file over dir', e(os.rename, L + '/.u', P + '/nodes/other'))
show('rename dir over file', (os.mkdir(P + '/q'), e(os.rename, P + '/q', L + '/.u'))[1])
wr(L + '/.u')
for k, n in (('name255', 'a' * 255), ('name256', 'a' * 256), ('name 250', 'b' * 250)):
    show('create ' + k, wr(P + '/' + n))
    e(os.unlink, P + '/' + n)
show('1MiB', wr(P + '/big', b'x' * (1 << 20)))
show('1MiB+1', wr(P + '/big', b'x' * ((1 << 20) + 1)))
show('size', os.stat(P + '/big').st_size if os.path.exists(P + '/big') else '-')
show('truncate 2M', e(os.truncate, P + '/big', 2 << 20))
show('truncate 10', e(os.truncate, P + '/big', 10))
show('truncate 100', e(os.truncate, P + '/big', 100))
show('content', repr(open(P + '/big', 'rb').read()[-3:]))
fd = os.open(P + '/big', os.O_WRONLY)
os.lseek(fd, 200, 0)
show('write hole', e(os.write, fd, b'z'))
os.close(fd)
show('size', os.stat(P + '/big').st_size)
show('append', wr(P + '/big', b'end', os.O_WRONLY | os.O_APPEND))
show('size', os.stat(P + '/big').st_size)
show('O_TRUNC', wr(P + '/big', b'q'))
show('size', os.stat(P + '/big').st_size)
wr(L + '/.o', b'old')
fd = os.open(L + '/.o', os.O_RDONLY)
wr(L + '/.n2', b'new')
show('rename over open', e(os.rename, L + '/.n2', L + '/.o'))
show('hidden', len([x for x in os.listdir(L) if x.startswith('.fuse_hidden')]))
show('read old fd', os.read(fd, 9))
close(fd)
time.sleep(0.3)
show('hidden after close', len([x for x in os.listdir(L) if x.startswith('.fuse_hidden')]))
fd = os.open(L + '/.o', os.O_RDONLY)
show('unlink open', e(os.unlink, L + '/.o'))
show('hidden', len([x for x in os.listdir(L) if x.startswith('.fuse_hidden')]))
close(fd)
time.sleep(0.3)
show('hidden after close', len([x for x in os.listdir(L) if x.startswith('.fuse_hidden')]))
show('O_EXCL exists', wr(L + '/.u', b'', os.O_WRONLY | os.O_CREAT | os.O_EXCL))
show('O_PATH fd keeps ino', (lambda f: (os.fstat(f).st_ino == os.stat(L + '/.u').st_ino, os.close(f))[0])(os.open(L + '/.u', os.O_PATH)))
show('O_DIRECTORY on file', e(os.open, L + '/.u', os.O_RDONLY | os.O_DIRECTORY))
show('O_TMPFILE', e(os.open, L, os.O_WRONLY | 4194304 | os.O_DIRECTORY))
s = os.statvfs(P)
show('statfs', f'bsize={s.f_bsize} blocks={s.f_blocks} namemax={s.f_namemax} files={s.f_files}')

class SF(ctypes.Structure):
    _fields_ = [('t', ctypes.c_long)] + [('x', ctypes.c_long * 20)]
b = SF()
libc.statfs(P.encode(), ctypes.byref(b))
show('f_type', hex(b.t))
show('listdir has dot', sorted((x for x in os.listdir(L) if not x[0].isdigit() and (not x.startswith('.fuse')))))
show('ctl .version write', wr(P + '/.version', b'x', os.O_WRONLY))
show('special', sorted((x for x in os.listdir(P) if x.startswith('.'))))
