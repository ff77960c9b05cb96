# The notes outlive the package: they are made here, not shipped in it, and no removal deletes them.
install -d -o noticeboard -g noticeboard -m 0750 /var/lib/noticeboard/notes
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl enable --now noticeboard.service
fi
echo "after_install" >> /var/lib/noticeboard/history
