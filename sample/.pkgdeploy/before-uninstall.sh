if [ -d /run/systemd/system ]; then
    systemctl disable --now noticeboard.service
fi
echo "before_uninstall" >> /var/lib/noticeboard/history
