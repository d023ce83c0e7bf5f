# Two machines in place of one in nginx.conf (docs/fleet.md):
#   sed -E -f deploy/nginx-fleet.sed deploy/nginx.conf > /etc/nginx/nginx.conf
# The same request goes to the same machine, so each machine renders and keeps its own share of the sentences.
s|^( *)server unix:/run/sayna/sayna.sock;|\1hash $uri$request_body consistent;\
\1server unix:/run/sayna/sayna-1.sock max_fails=1 fail_timeout=5s;\
\1server unix:/run/sayna/sayna-2.sock max_fails=1 fail_timeout=5s;|
