#!/bin/bash
# Makes, or removes, an ordinary user for tests of what an ordinary user meets: no rights, a range of subordinate
# ids, a home directory of its own. Root only; for test machines.
#   scripts/testbed-user.sh make|remove
# Needs: passwd, uidmap. Leaves: the user container-kernels-test, /home/container-kernels-test.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
user=container-kernels-test

[ "$(id -u)" = 0 ] || fail "only root can make users"
case ${1-} in
make)
  id "$user" > /dev/null 2>&1 && exit 0
  useradd --create-home --shell /bin/bash --comment 'Container Kernels test user' "$user"
  # useradd gives subordinate ids where login.defs does; where it does not, take a range that nobody has
  if ! grep -q "^$user:" /etc/subuid 2> /dev/null; then
    first=$(cat /etc/subuid /etc/subgid 2> /dev/null | awk -F: '{ n = $2 + $3; if (n > m) m = n } END { print m < 100000 ? 100000 : m }')
    usermod --add-subuids "$first-$((first + 65535))" --add-subgids "$first-$((first + 65535))" "$user"
  fi
  chmod 700 "/home/$user"
  say "  made $user (uid $(id -u "$user"), home /home/$user); \`make clean-testbed\` removes it"
  ;;
remove)
  id "$user" > /dev/null 2>&1 || exit 0
  userdel --remove "$user" 2> /dev/null || fail "$user still runs something: $(ps -o pid=,args= -u "$user" | head -n 5)"
  say "  removed $user and its home directory"
  ;;
*) fail "usage: testbed-user.sh make|remove" ;;
esac
