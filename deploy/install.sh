#!/bin/sh
# Installs this bundle on a host without any network; nothing is fetched and nothing outside PREFIX is written.
# PREFIX/versions/<release>/ is a virtual environment of its own per release, with its manuals and DAGs under
# share/wengang/; the link PREFIX/current names the one in use and is switched last, in one step.
# Exit codes: 2 called wrongly, 3 this host does not fit, 5 the bundle is damaged, 1 anything else. Safe to run again.
set -eu
umask 022
unset PYTHONPATH PYTHONHOME

usage='用法 usage: sh install.sh [--prefix DIR] [--python PYTHON] [--no-switch]
            sh install.sh [--prefix DIR] --use RELEASE
  --prefix DIR      安装位置，默认 where to install, default: /usr/local/lib/wengang
  --python PYTHON   所用的 Python which Python; default: the first that fits
  --no-switch       只安装，不切换当前版本 install, but leave the link "current" as it is
  --use RELEASE     切换到已安装的版本（升级、回退） switch to an installed release (upgrade, roll back)'
prefix=/usr/local/lib/wengang
python=
use=
switch=yes

say() { # say CHINESE ENGLISH
  printf '%s\n  %s\n' "$1" "$2"
}

fail() { # fail CODE CHINESE ENGLISH
  printf '错误：%s\n  error: %s\n' "$2" "$3" >&2
  exit "$1"
}

while [ $# -gt 0 ]; do
  case $1 in
    --prefix | --python | --use)
      [ $# -ge 2 ] && [ -n "$2" ] || fail 2 "$1 后面缺少值" "$1 needs a value"
      case $1 in --prefix) prefix=$2 ;; --python) python=$2 ;; --use) use=$2 ;; esac
      shift 2
      ;;
    --no-switch) switch=no && shift ;;
    -h | --help) printf '%s\n' "$usage" && exit 0 ;;
    *) printf '%s\n' "$usage" >&2 && fail 2 "不认识的参数：$1" "unknown argument: $1" ;;
  esac
done
case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
case $python in /*) ;; */*) python=$PWD/$python ;; esac

switch_to() { # switch_to RELEASE: the link names it from now on; readers see the old one or the new one
  before=$(readlink "$prefix/current" || :)
  rm -f "$prefix/.current.new"
  ln -s "versions/$1" "$prefix/.current.new"
  "$prefix/versions/$1/bin/python" -I -c 'import os, sys; os.replace(*sys.argv[1:])' \
    "$prefix/.current.new" "$prefix/current" ||
    fail 1 "无法切换 $prefix/current，当前版本未变" "$prefix/current could not be switched; it is as it was"
  say "当前版本：$1" "in use: $prefix/current -> versions/$1"
  if [ -n "$before" ] && [ "$before" != "versions/$1" ]; then
    say "回退：sh $prefix/current/share/wengang/install.sh --prefix $prefix --use ${before#versions/}" \
      "that line rolls back; restart the services of Wengang after every switch"
  fi
}

if [ -n "$use" ]; then
  have=$(cd "$prefix/versions" 2>/dev/null && ls -d -- */.installed 2>/dev/null | sed 's|/.*||' | tr '\n' ' ') || :
  [ -f "$prefix/versions/$use/.installed" ] ||
    fail 2 "没有已安装的版本 $use；已有：${have:-无}" "no installed release $use under $prefix/versions; there: ${have:-none}"
  switch_to "$use"
  exit 0
fi

# 1. Every file is what the list says, and there is none that the list does not name.
cd "$(dirname "$0")"
[ -f SHA256SUMS ] || fail 5 "缺少 SHA256SUMS，请重新解包" "SHA256SUMS is missing: unpack the archive again"
if ! report=$(LC_ALL=C sha256sum --check --strict SHA256SUMS 2>&1); then
  printf '%s\n' "$report" | grep -v ': OK$' >&2 || :
  fail 5 "以上文件已损坏或被改动，未安装任何内容；请重新拷贝安装包" \
    "the files above are damaged or changed; nothing was installed: carry the archive over again"
fi
unnamed=$(find . -name __pycache__ -prune -o ! -type d ! -path ./SHA256SUMS -print |
  awk 'NR == FNR { named[substr($0, 67)]; next } !(substr($0, 3) in named)' SHA256SUMS -)
[ -z "$unnamed" ] || fail 5 "安装包中有清单以外的文件，未安装任何内容：$unnamed" \
  "files that SHA256SUMS does not name; nothing was installed"
say "校验通过：$(wc -l <SHA256SUMS | tr -d ' ') 个文件" "verified: every file is as it was when the bundle was made"

# 2. A Python of the one minor version, machine and C library that the wheels were made for.
fact() { sed -n "s/^$1=//p" BUNDLE; }
version=$(fact version)
wheel=$(fact wheel)
wanted=$(fact python)
probe='
import os, platform, sys
wanted, machine, glibc = sys.argv[1:]
numbers = lambda text: [int(part) for part in text.split(".")]
faults = []
if platform.python_implementation() != "CPython" or "%d.%d" % sys.version_info[:2] != wanted:
    faults.append("Python " + platform.python_version() + ", needed: CPython " + wanted)
if platform.machine() != machine:
    faults.append("machine " + platform.machine() + ", needed: " + machine)
try:
    libc, number = os.confstr("CS_GNU_LIBC_VERSION").split()
except (AttributeError, ValueError, OSError):
    libc, number = "another C library", "0"
if libc != "glibc" or numbers(number) < numbers(glibc):
    faults.append(libc + " " + number + ", needed: glibc " + glibc + " or later")
try:
    import ensurepip, venv
except ImportError:
    faults.append("no venv with pip: install the package python" + wanted + "-venv of the system")
print("; ".join(faults))'
told=
if [ -n "$python" ]; then set -- "$python"; else set -- "python$wanted" python3 python; fi
for candidate in "$@"; do
  command -v "$candidate" >/dev/null 2>&1 || continue
  faults=$("$candidate" -I -c "$probe" "$wanted" "$(fact machine)" "$(fact glibc)" 2>&1) || :
  [ -n "$faults" ] || { found=$candidate && break; }
  told="$told $candidate ($faults)"
done
[ -n "${found:-}" ] ||
  fail 3 "本机没有合适的 Python $wanted（Wengang 支持 3.11 至 3.13，本安装包只用于 $wanted）：${told:- 未找到}；请安装，或用 --python 指定，或为本机的 Python 另制安装包" \
    "no fitting Python $wanted (Wengang runs on 3.11 to 3.13, this bundle on $wanted only): install it, name it by --python, or make a bundle with a Python like the one here"

# 3. A new environment beside the others; until its mark is set, it counts for nothing and the next run makes it again.
release=$version-$(sha256sum SHA256SUMS | cut -c 1-12)
target=$prefix/versions/$release
if [ -f "$target/.installed" ]; then
  say "$release 已安装，不再重复" "$release is installed already"
else
  say "正在安装 $release 到 $target（约几分钟）" "installing $release (some minutes)"
  rm -rf "$target"
  mkdir -p "$prefix/versions" || fail 3 "无法写入 $prefix" "$prefix cannot be written"
  pip() { PIP_CONFIG_FILE=/dev/null "$target/bin/python" -I -m pip --isolated --disable-pip-version-check "$@"; }
  stopped() { fail 1 "安装未完成，当前版本未变；按上面的提示处理后可再次运行" "not finished; what was in use still is: mend what is said above and run again"; }
  "$found" -I -m venv "$target" || stopped
  pip install --quiet --no-cache-dir --no-index --find-links wheels --only-binary :all: --require-hashes -r requirements.lock || stopped
  pip install --quiet --no-cache-dir --no-index --no-deps "wheels/$wheel" || stopped
  pip check || stopped
  mkdir -p "$target/share/wengang"
  for part in *; do
    [ "$part" = wheels ] || cp -R "$part" "$target/share/wengang/" || stopped
  done
  "$target/bin/wengang" --version || stopped
  : >"$target/.installed"
fi

# 4. In use, and what comes next.
if [ "$switch" = yes ]; then switch_to "$release"; fi
say "已安装：$target/bin/wengang" "installed; next:"
cat <<NEXT
  $prefix/current/bin/wengang --home DIR init      新建数据目录，然后编辑 wengang.toml  a home; then edit its settings
  $prefix/current/bin/wengang --home DIR doctor    检查本机和数据目录  what is missing
  $prefix/current/bin/wengang --home DIR demo      用模拟城市试运行  a generated city, to try it
  $prefix/current/share/wengang/                   手册、DAG、服务文件  manuals, DAGs (Airflow: dags_folder), service files
NEXT
