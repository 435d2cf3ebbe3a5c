# nginx.conf for the package of Debian, on the machine of the pages:
#   sed -f docker/proxy/debian.sed docker/proxy/nginx.conf > /etc/nginx/nginx.conf
s#/run/secrets/tls_certificate#/etc/triage/tls/chain.pem#
s#/run/secrets/tls_key#/etc/triage/tls/key.pem#
s#page:8501#127.0.0.1:8501#
s#listen 8080 #listen 80 #
s#listen 8443 #listen 443 #
# Where the unit of the package looks for it, and its own folders.
s#/tmp/nginx.pid#/run/nginx.pid#
s#/tmp/#/var/lib/nginx/#
