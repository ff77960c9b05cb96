if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl try-restart noticeboard.service
fi
echo "after_upgrade" >> /var/lib/noticeboard/history
